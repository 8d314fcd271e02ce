package journal

import (
	"encoding/base32"
	"encoding/hex"
	"strconv"
	"strings"
)

// HeadCode returns what people compare by eye and voice: the number of the last
// entry and 120 bits of its hash, "17-CGZI-6IOA-VHF5-ORUI-2Q7A-MX4B". It is
// empty if head is not a hash.
func HeadCode(n uint64, head string) string {
	sum, err := hex.DecodeString(head)
	if err != nil || len(sum) < 15 {
		return ""
	}
	digits := base32.StdEncoding.EncodeToString(sum[:15])
	parts := []string{strconv.FormatUint(n, 10)}
	for i := 0; i < len(digits); i += 4 {
		parts = append(parts, digits[i:i+4])
	}
	return strings.Join(parts, "-")
}
