package check

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// secretNames are names that promise a secret whether or not the book says so.
var secretNames = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(secret|passw|token|credential|private|api_?key|encryption_?key|_key$|^key$|_dsn$)`)
})

func soundsSecret(name string) bool { return secretNames().MatchString(name) }

func credentialsInURL(value string) bool {
	u, err := url.Parse(value)
	return err == nil && u.Host != "" && u.User != nil
}

// shippedDefaults are values that examples, templates and images carry, in the
// form plain writes them.
var shippedDefaults = map[string]bool{}

func init() {
	for word := range strings.FieldsSeq(`secret supersecret mysecret topsecret yoursecret yoursecretkey yoursupersecretkey
		jwtsecret jwtsecretkey yourjwtsecret yourjwtsecretkey yoursupersecretjwtkey mysupersecretkey secretkey
		changeme changeit changethis changemeinproduction replaceme replacethis fixme todo example test testing dev
		development default defaultsecret password passwd pass password1 password123 passw0rd p@ssw0rd admin admin123
		administrator root toor guest user postgres postgresql mysql redis rabbitmq minio minioadmin tickr letmein
		welcome qwerty qwertyuiop abc123 123456 1234567 12345678 123456789 1234567890 0123456789abcdef
		0123456789abcdef0123456789abcdef none null undefined xxx xxxx xxxxxxxx keyboardcat shhhhh s3cr3t foobar
		yourpassword yourpasswordhere yourtokenhere yourapikey yourkeyhere insertsecrethere setme`) {
		shippedDefaults[word] = true
	}
}

// placeholders mark a value that was meant to be replaced, wherever they stand.
var placeholders = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(change[-_ ]?(me|it|this|in[-_ ]prod)|replace[-_ ]?(me|this|with)|^your[-_ ]|[-_ ]your[-_ ]|super[-_ ]?secret|insert[-_ ]|^<.*>$|^\{\{.*\}\}$|^\$\{.*\}$)`)
})

// plain is a value in lower case without what only separates.
func plain(value string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune("-_ .!", c) {
			return -1
		}
		return unicode.ToLower(c)
	}, value)
}

func isDefault(value string) bool {
	return shippedDefaults[plain(value)] || placeholders().MatchString(value)
}

var (
	onlyHex = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9a-fA-F]{16,}$`)
	})
	onlyBase64 = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9A-Za-z+/_-]{16,}={0,2}$`)
	})
)

// keyBytes is the length of the key that a value stands for, and the form it
// was taken to have. A guess at hex or base64 only ever makes it shorter.
func keyBytes(value string) (int, string) {
	if onlyHex().MatchString(value) && len(value)%2 == 0 {
		return len(value) / 2, "hex"
	}
	mixed := strings.ContainsAny(value, "0123456789+/=") && strings.ToLower(value) != value && strings.ToUpper(value) != value
	if mixed && onlyBase64().MatchString(value) {
		standard := strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(value)
		if key, err := base64.RawStdEncoding.DecodeString(standard); err == nil {
			return len(key), "base64"
		}
	}
	return len(value), "text"
}

const (
	// bitsPerWord is what one word is worth if it was drawn by chance from a
	// Diceware list of 7776; a word that a person chose is worth less.
	bitsPerWord = 12.9
	// worthAFingerprint is the strength below which an unkeyed hash would let
	// a reader of the log test guesses.
	worthAFingerprint = 64
	// maxKey bounds the work on one value, in bytes.
	maxKey = 4096
)

// entropyBits estimates, from below, how many bits a value is worth:
//
//	bits = (counted characters) * log2(distinct characters) + 12.9 * words
//
// A character is not counted if it repeats the one before it, if it continues
// a run up or down (abc, 321), or if it lies in the second or later copy of a
// block that the whole value repeats. A part between separators that is one
// word long (3 to 16 letters in one case, or capitalised, with a vowel) counts
// as one word instead of by its letters.
//
// The sources are the usual ones: the log2 of the alphabet for a random
// string, here with the alphabet that is seen instead of the one that was
// possible; the repeat and sequence discounts of zxcvbn; the size of the
// Diceware list for words. A random key is estimated too low, a short one by
// up to a half: 32 random bytes come to about 237 bits in hex and 212 in
// base64, and of 20,000 such keys the lowest to 155. A key that a person made
// up may still be estimated too high, since this knows no dictionary.
func entropyBits(value string) int {
	value = value[:min(len(value), maxKey)]
	value = value[:period(value)]
	words, rest := 0, make([]string, 0, 1)
	for _, part := range strings.FieldsFunc(value, separates) {
		if isWord(part) {
			words++
		} else {
			rest = append(rest, part)
		}
	}
	distinct := map[rune]bool{}
	counted := 0
	for _, part := range rest {
		var before, step rune
		for i, c := range part {
			distinct[c] = true
			if i == 0 || (c != before && (c-before != step || (step != 1 && step != -1))) {
				counted++
			}
			before, step = c, c-before
		}
	}
	bits := bitsPerWord * float64(words)
	if len(distinct) > 1 {
		bits += float64(counted) * math.Log2(float64(len(distinct)))
	}
	return int(bits)
}

// period is the length of the block that the whole value repeats, or the
// value's own length.
func period(value string) int {
	for n := 1; n <= len(value)/2; n++ {
		if value[n:] == value[:len(value)-n] && utf8.ValidString(value[:n]) {
			return n
		}
	}
	return len(value)
}

func separates(c rune) bool { return strings.ContainsRune("-_ .,:;/!?", c) }

func isWord(part string) bool {
	lower := strings.ToLower(part)
	oneCase := part == lower || part == strings.ToUpper(part) || part[1:] == lower[1:]
	letters := strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz") == ""
	return len(part) >= 3 && len(part) <= 16 && letters && oneCase && strings.ContainsAny(lower, "aeiouy")
}

// describeSecret is all that is ever told about a secret's value.
func describeSecret(value string) string {
	var classes []string
	for _, class := range []struct{ name, set string }{
		{"lower", "abcdefghijklmnopqrstuvwxyz"}, {"upper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}, {"digits", "0123456789"},
	} {
		if strings.ContainsAny(value, class.set) {
			classes = append(classes, class.name)
		}
	}
	if strings.ContainsFunc(value, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		classes = append(classes, "other")
	}
	bits := entropyBits(value)
	size, form := keyBytes(value)
	told := fmt.Sprintf("%d characters (%s), %d bytes as %s, about %d bits", utf8.RuneCountInString(value), strings.Join(classes, " "), size, form, bits)
	if bits >= worthAFingerprint {
		sum := sha256.Sum256([]byte(value))
		told += ", sha256 " + hex.EncodeToString(sum[:4])
	}
	return told
}

// fingerprintKey lives as long as this process: its fingerprints mean nothing
// to anybody else.
var fingerprintKey = sync.OnceValue(func() []byte { return []byte(rand.Text()) })

func fingerprint(value string) []byte {
	mac := hmac.New(sha256.New, fingerprintKey())
	mac.Write([]byte(value))
	return mac.Sum(nil)
}

func sameFingerprint(a, b []byte) bool { return hmac.Equal(a, b) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
