// Package tell holds the kinds of tell: somebody is told. The message is shown
// before it counts as sent, as it is sent.
package tell

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"

	"runbook/steps"
	"runbook/steps/safetext"
)

// Message is tell.message: text to copy into whatever channel the target's
// people use. Under it, as under every kind of tell, stands how far the log of
// the run was when it was shown: who has the message holds that against a log
// that was changed since (log verify --anchor).
//
//	tell.message = { to = "#deploys", text = "users-module ${image_tag} goes out" }
type Message struct {
	To   string `mapstructure:"to"`   // whom, such as a channel
	Text string `mapstructure:"text"` // what
}

// Validate reports that there is nobody or nothing to tell.
func (m Message) Validate() error {
	if m.To == "" || m.Text == "" {
		return errors.New("want to and text")
	}
	return nil
}

// Under is the message with one more line.
func (m Message) Under(line string) Message {
	return Message{m.To, strings.TrimRight(m.Text, "\n") + "\n\n" + line}
}

// Sender is a kind of tell that sends its message by itself, when a person says
// so. Where that fails a person copies what is shown.
type Sender interface {
	// Shown is the message exactly as it is sent.
	Shown() Message

	// Under is the same with one more line under the text.
	Under(line string) Sender

	// Send sends it once. Pass: it was taken. Fail: it was not. Unknown: it was
	// handed over, and nothing was heard of it.
	Send(ctx context.Context, w *steps.World) steps.Result

	// Validate reports fields that can't be meant. They may still hold ${name}.
	Validate() error

	// SecretVars are the fields that name a secret var of the book, and what
	// they name.
	SecretVars() map[string]string
}

var mention = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|[^\w.+-])@(\w)`)
})

// quiet is a text that rings nobody's bell in a chat: "@channel" is "@ channel".
// An address stays as it is.
func quiet(text string) string {
	return mention().ReplaceAllString(safetext.Block(text), "$1@ $2")
}

// secret resolves a secret var, which has to be there.
func secret(ctx context.Context, w *steps.World, name string) (steps.Secret, error) {
	if w.Secret == nil {
		return steps.Secret{}, steps.ErrSecret
	}
	return w.Secret(ctx, name)
}

// hide takes secrets out of what a server says.
func hide(text string, secrets ...steps.Secret) string {
	var clean strings.Builder
	to := safetext.NewRedactor(&clean, secrets...)
	if _, err := to.Write([]byte(text)); err != nil || to.Close() != nil {
		return "(withheld)" // a strings.Builder takes everything
	}
	return safetext.Sample(clean.String())
}
