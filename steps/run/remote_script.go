package run

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/steps/supervise"
)

// What a host can be told to do with a command.
const (
	Start  = "start"  // execute it, once, and follow it to its end
	Resume = "resume" // follow it once more, from its first line; one that never started never will
	Look   = "look"   // as resume, but say how it is now
	Cancel = "cancel" // end it: SIGINT, SIGTERM, SIGKILL
	Forget = "forget" // take away what it left there, once it has ended
	Hello  = "hello"  // nothing: say what can be done there

	carry = "carry" // execute it for a check, and keep nothing
)

//go:embed remote.sh
var remoteScript string

// remoteGrace is the time between the signals of a cancel on a host.
const remoteGrace = 10 * time.Second

// Order is the ssh that tells the host to do one thing with the command that
// key names. Its output ends with the host's word, which ReadWord finds by the
// proof of nonce.
func (r Remote) Order(do, key, nonce string) supervise.Order {
	o := r.Local
	o.Stdin = r.script(do, key, nonce)
	if do == Start {
		off := r.Order(Cancel, key, nonce)
		o.KillAfter, o.CallOff = r.kill, &off
	}
	return o
}

// script is what the host's shell reads: values, each in single quotes, what
// to do with them, and as its last line what to do now. A script that is cut
// short does nothing: its last line is one command or none.
func (r Remote) script(do, key, nonce string) []byte {
	var out strings.Builder
	grace := r.Local.Grace
	if grace == 0 {
		grace = remoteGrace
	}
	for _, pair := range [][2]string{
		{"host", r.Host.Name},
		{"dir", r.Host.Dir},
		{"path", r.Path},
		{"key", key},
		{"nonce", nonce},
		{"grace", fmt.Sprint(int(grace.Seconds()))},
		{"once", ""},
	} {
		out.WriteString(pair[0] + "=" + quote(pair[1]) + "\n")
	}
	if do == Start || do == carry {
		r.launch(&out)
	}
	out.WriteString(remoteScript + "{ " + do + "; exit; }\n")
	return []byte(out.String())
}

// launch writes the function that becomes the command: its environment is
// complete only there, and nothing of it stands in an argv.
func (r Remote) launch(out *strings.Builder) {
	fmt.Fprintf(out, "program=%s\nlaunch() {\n", quote(r.Argv[0]))
	for _, kv := range slices.Concat([]string{"PATH=" + r.Path}, r.Env) {
		name, value, _ := strings.Cut(kv, "=")
		out.WriteString("\texport " + name + "=" + quote(value) + "\n")
	}
	out.WriteString("\texec \"$@\"")
	for _, arg := range r.Argv[1:] {
		out.WriteString(" " + quote(arg))
	}
	out.WriteString("\n}\n")
}

// quote makes one word of any bytes but NUL for a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
