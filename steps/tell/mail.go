package tell

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"time"

	"runbook/steps"
	"runbook/steps/mail"
	"runbook/steps/safetext"
)

// Mail is tell.mail: the message goes out as plain text over a mail server.
//
//	tell.mail = { to = "support@example.com", subject = "users-module ${image_tag} goes out", text = "…",
//	              address = "${smtp_address}", user = "${mail_user}", password = "smtp_password", from = "${mail_from}" }
//
//	to, from  one address each
//	subject   one line
//	text      what is sent
//	address, starttls, user, password, name
//	          the mail server, as in check.smtp
type Mail struct {
	Message      `mapstructure:",squash"`
	mail.Account `mapstructure:",squash"`
	From         string `mapstructure:"from"`
	Subject      string `mapstructure:"subject"`
}

// Shown is the subject above the text.
func (t *Mail) Shown() Message {
	return Message{t.To, "Subject: " + safetext.Line(t.Subject) + "\n\n" + safetext.Block(t.Text)}
}

// Under is the same with one more line.
func (t *Mail) Under(line string) Sender {
	letter := *t
	letter.Message = t.Message.Under(line)
	return &letter
}

// SecretVars is the server's password.
func (t *Mail) SecretVars() map[string]string { return map[string]string{"password": t.Password} }

// Validate reports a bad server and bad addresses.
func (t *Mail) Validate() error {
	if err := errors.Join(t.Message.Validate(), t.Account.Validate()); err != nil {
		return err
	}
	if t.Subject == "" {
		return errors.New("want subject")
	}
	for field, address := range map[string]string{"from": t.From, "to": t.To} {
		if strings.Contains(address, "${") {
			continue
		}
		if err := mail.ValidAddress(address); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

// Send hands it to the server.
func (t *Mail) Send(whole context.Context, w *steps.World) steps.Result {
	r := steps.Result{Where: "mail over " + safetext.Sample(t.Address), Began: time.Now()}
	defer func() { r.Took = time.Since(r.Began) }()
	ctx, cancel := context.WithTimeout(whole, sendLimit)
	defer cancel()
	var password steps.Secret
	if t.Password != "" {
		var err error
		if password, err = secret(ctx, w, t.Password); err != nil {
			r.Decide(steps.Fail, "%s", hide(err.Error()))
			return r
		}
	}
	letter, err := mail.Letter{
		From: t.From, To: t.To, At: time.Now(), Subject: safetext.Line(t.Subject), Text: safetext.Block(t.Text) + "\n",
	}.Bytes()
	if err != nil {
		r.Decide(steps.Fail, "%s", hide(err.Error()))
		return r
	}
	session, err := mail.Open(ctx, w, t.Account, password)
	if err != nil {
		_, reason := mail.Fault(whole, sendLimit, err)
		r.Decide(steps.Fail, "%s", hide(reason, password))
		return r
	}
	defer session.Close()
	var said *textproto.Error
	switch err := session.Send(t.From, t.To, letter); {
	case err == nil:
		r.Saw("the server", "has taken it", "", "")
		r.Decide(steps.Pass, "")
	case errors.As(err, &said):
		_, reason := mail.Fault(whole, sendLimit, err)
		r.Decide(steps.Fail, "%s", hide(reason, password))
	default:
		_, reason := mail.Fault(whole, sendLimit, err)
		r.Decide(steps.Unknown, "it was handed over, and no answer came: %s", hide(reason, password))
	}
	return r
}
