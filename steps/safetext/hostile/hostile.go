// Package hostile holds texts that act on some terminal or deceive a reader,
// and says of what a terminal was sent whether anything of them came through.
// Only tests use it.
package hostile

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed payloads.txt
var payloads string

// Payload is one hostile text.
type Payload struct {
	Name string
	Text string // what is printed; it holds Kept, and no newline at its end
	Pane string // what a pane with colours shows of it
	Kept string // the part that has to arrive wherever the payload is shown
}

// Payloads are all of them.
func Payloads() []Payload {
	var all []Payload
	for line := range strings.Lines(payloads) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			panic("not three fields: " + line)
		}
		p := Payload{Name: fields[0], Text: unquote(fields[1]), Pane: unquote(fields[2]), Kept: "kept-" + fields[0] + "."}
		p.Text, p.Pane = strings.ReplaceAll(p.Text, "kept", p.Kept), strings.ReplaceAll(p.Pane, "kept", p.Kept)
		all = append(all, p)
	}
	return all
}

func unquote(s string) string {
	text, err := strconv.Unquote(s)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", s, err))
	}
	return text
}
