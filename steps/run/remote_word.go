package run

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// Word is what a host says of a command: the last line it prints, which ends
// with a number that nobody else knows. Without it nothing is known, whatever
// the exit code of ssh is: a login shell that refuses, or a forced command,
// has one too.
type Word struct {
	Class     supervise.Class // Exited, NeverStarted, Running, or Unknown
	Exit      int             // of Exited; a shell there shows a signal as 128 and its number
	Sent      []string        // the signals of a cancel
	Leftovers []string        // who outlived it: "4242 sleep", after a cancel "4242 sleep (killed)"
	Text      string          // all of it
}

// NewNonce is the number that makes a host's word its own, and the proof of it
// that may be written down.
func NewNonce() (nonce, proof string) {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the process instead
	nonce = hex.EncodeToString(random[:])
	return nonce, prove(nonce)
}

func prove(nonce string) string {
	sum := sha256.Sum256([]byte(nonce))
	return hex.EncodeToString(sum[:])
}

var wordLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^-- [^:\n]*: (.*) -- ([0-9a-f]{32})$`)
})

// ReadWord finds the host's word in what ssh printed, or in the end of it. ssh
// may add lines of its own behind it.
func ReadWord(out []byte, proof string) (Word, bool) {
	for _, found := range wordLine().FindAllSubmatch(out, -1) {
		if prove(string(found[2])) == proof {
			return parseWord(string(found[1])), true
		}
	}
	return Word{}, false
}

func parseWord(text string) Word {
	w := Word{Text: text}
	head, rest, _ := strings.Cut(text, "; ")
	fields := strings.Fields(head)
	switch {
	case strings.HasPrefix(text, "not started: "):
		w.Class = supervise.NeverStarted
	case text == "running":
		w.Class = supervise.Running
	case len(fields) > 1 && fields[0] == "exit":
		code, err := strconv.Atoi(fields[1])
		if err != nil {
			break
		}
		w.Class, w.Exit, w.Sent = supervise.Exited, code, fields[2:]
	}
	for w.Class == supervise.Exited && rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "; ")
		for prefix, mark := range map[string]string{"left ": "", "killed ": " (killed)", "still there ": " (still runs)"} {
			if names, ok := strings.CutPrefix(part, prefix); ok {
				for name := range strings.SplitSeq(names, ", ") {
					w.Leftovers = append(w.Leftovers, name+mark)
				}
			}
		}
	}
	return w
}

// keptWords is how much of what ssh prints is kept for the host's word.
const keptWords = 64 << 10

// Ask tells the host to do one thing with the command that key names, and
// waits: Look, Cancel, Forget, Hello. The error says that the host was not
// reached, or did not answer.
func (r Remote) Ask(ctx context.Context, do, key string) (Word, error) {
	return r.ask(ctx, do, key, io.Discard)
}

// Follow is a command once more from its first line to its end, which is
// written to w, and not redacted.
func (r Remote) Follow(ctx context.Context, key string, w io.Writer) (Word, error) {
	return r.ask(ctx, Resume, key, w)
}

func (r Remote) ask(ctx context.Context, do, key string, w io.Writer) (Word, error) {
	nonce, proof := NewNonce()
	o := r.Order(do, key, nonce)
	cmd := exec.CommandContext(ctx, o.Path)
	out := &lastBytes{}
	both := io.MultiWriter(out, w)
	cmd.Args, cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = o.Argv, o.Dir, append([]string{}, o.Env...), bytes.NewReader(o.Stdin), both, both
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if word, ok := ReadWord(out.bytes, proof); ok {
		return word, nil
	}
	return Word{}, fmt.Errorf("%s gave no answer: %s", r.Host.Name, SSHSaid(out.bytes, err))
}

// SSHSaid is the last line that ssh printed, for a reason; err where it
// printed nothing.
func SSHSaid(out []byte, err error) string {
	text := strings.TrimSpace(string(out))
	if text == "" {
		return fmt.Sprint(err)
	}
	return safetext.Line(text[strings.LastIndexByte(text, '\n')+1:])
}

// lastBytes keeps the end of what is written.
type lastBytes struct{ bytes []byte }

func (l *lastBytes) Write(p []byte) (int, error) {
	l.bytes = append(l.bytes, p...)
	if over := len(l.bytes) - keptWords; over > 0 {
		l.bytes = append(l.bytes[:0], l.bytes[over:]...)
	}
	return len(p), nil
}
