package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"runbook/steps"
	"runbook/steps/mail"
)

// Mail is run.probe.mail: one mail is sent, and must arrive.
//
//	run.probe.mail = { address = "${smtp_address}", user = "${mail_user}", password = "smtp_password", from = "${mail_from}", to = "${mail_to}", sink = "${mail_sink_url}" }
//
//	address, starttls, user, password, name
//	         the mail server, as in check.smtp
//	from, to one address each; what is sent stays in the mailbox of to
//	sink     a URL that shows that mailbox, as JSON, text or HTML; {{unique}} in
//	         it is what stands in the subject
//	token    a secret var of the book, sent to the sink as a bearer token
//	match    a regular expression that the sink must match once the mail is
//	         there: "dkim=pass"; needs {{unique}} in sink, which then must show
//	         that mail alone
//	max      the longest time from sending to arriving; default "2m"
//	timeout  of the mail server, and of each look into the sink; default "10s"
//
// pass: it was taken, and its subject is in the sink in time. fail: the server
// refuses as in check.smtp, or refuses the mail, the mail does not arrive in
// time, or the sink does not match. unknown: the sink can't be looked into.
type Mail struct {
	mail.Account `mapstructure:",squash"`
	From         string         `mapstructure:"from"`
	To           string         `mapstructure:"to"`
	Sink         string         `mapstructure:"sink"`
	Token        string         `mapstructure:"token"`
	Match        string         `mapstructure:"match"`
	Max          steps.Duration `mapstructure:"max"`
	Timeout      steps.Duration `mapstructure:"timeout"`
}

// Touches is true: somebody gets a mail.
func (c *Mail) Touches() bool { return true }

// Plan is the mail and where it is looked for.
func (c *Mail) Plan() []string {
	return []string{
		"sends one mail from " + c.From + " to " + c.To + " over " + c.Address,
		"GET " + c.Sink + " until it is there",
	}
}

// SecretVars are the server's password and the sink's token.
func (c *Mail) SecretVars() []SecretVar {
	return []SecretVar{{"password", c.Password}, {"token", c.Token}}
}

// Validate reports a bad server, bad addresses, no sink, and a match in what
// shows other mails too.
func (c *Mail) Validate() error {
	if err := c.Account.Validate(); err != nil {
		return err
	}
	for field, address := range map[string]string{"from": c.From, "to": c.To} {
		if unfilled(address) {
			continue
		}
		if err := mail.ValidAddress(address); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	if err := (&Request{URL: c.Sink}).validate(map[string]bool{"unique": true}); err != nil {
		return fmt.Errorf("sink: %w", err)
	}
	if c.Match != "" && !unfilled(c.Sink) && !strings.Contains(c.Sink, "{{unique}}") {
		return errors.New("match: needs a sink with {{unique}} in it, which shows this mail alone: another one could match")
	}
	return validPattern("match", c.Match)
}

func (c *Mail) limits() (each, arrival time.Duration) {
	each, arrival = 10*time.Second, 2*time.Minute
	if c.Timeout > 0 {
		each = c.Timeout.D()
	}
	if c.Max > 0 {
		arrival = c.Max.D()
	}
	return each, arrival
}

// Do sends it and looks for it.
func (c *Mail) Do(whole context.Context, w *steps.World) steps.Result {
	return measure("mail over "+outside(c.Address), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		s := newSequence(w)
		defer s.transport.CloseIdleConnections()
		if !c.send(whole, w, r, s.values["unique"]) {
			return
		}
		c.await(whole, r, s)
	})
}

// probeSubject is what stands before {{unique}} in the subject: a sink may repeat
// what it is asked for, but not that.
const probeSubject = "runbook probe "

// send hands the mail over, and sets the result if it was not taken.
func (c *Mail) send(whole context.Context, w *steps.World, r *steps.Result, unique string) bool {
	each, _ := c.limits()
	ctx, cancel := context.WithTimeout(whole, each)
	defer cancel()
	session := openMail(ctx, whole, w, r, c.Account, each)
	if session == nil {
		return false
	}
	defer session.Close()
	letter, err := mail.Letter{
		From: c.From, To: c.To, Subject: probeSubject + unique, At: time.Now(),
		Text: "A probe of runbook: does mail arrive? Nobody needs to answer.\n",
	}.Bytes()
	if err != nil {
		r.Decide(steps.Unknown, "%v", err)
		return false
	}
	if err := session.Send(c.From, c.To, letter); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		verdict, reason := mail.Fault(whole, each, err)
		r.Decide(verdict, "the mail was not taken: %s", reason)
		return false
	}
	r.Saw("taken by the server", "yes", "yes", "")
	return true
}

// betweenLooks keeps from loading the sink.
const betweenLooks = 500 * time.Millisecond

// await looks into the sink until the mail is there.
func (c *Mail) await(whole context.Context, r *steps.Result, s *sequence) {
	each, arrival := c.limits()
	ctx, cancel := context.WithTimeout(whole, arrival)
	defer cancel()
	began := time.Now()
	looked, reason := false, "it was not reached in time"
	for ctx.Err() == nil {
		var none steps.Result
		got := s.ask(ctx, &none, Request{URL: c.Sink, Bearer: c.Token, Timeout: steps.Duration(each)})
		switch {
		case got == nil && ctx.Err() == nil:
			reason = none.Reason
		case got == nil:
		case got.status != http.StatusOK:
			reason = fmt.Sprintf("status %d, wanted 200%s", got.status, redirected(got))
		case strings.Contains(string(got.body), probeSubject+s.values["unique"]):
			c.arrived(r, got, time.Since(began))
			return
		case got.more:
			reason = errTooLarge.Error()
		default:
			looked = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(betweenLooks):
		}
	}
	r.Saw("arrived", "no", "within "+steps.Duration(arrival).String(), "")
	switch {
	case whole.Err() != nil:
		r.Decide(steps.Unknown, "the mail was sent, and looking for it was interrupted")
	case !looked:
		r.Decide(steps.Unknown, "the mail was sent, and the sink can't be looked into: %s", reason)
	default:
		r.Decide(steps.Fail, "the mail was taken and has not arrived within %s", steps.Duration(arrival))
	}
}

func (c *Mail) arrived(r *steps.Result, got *answer, took time.Duration) {
	_, arrival := c.limits()
	r.Saw("arrived after", milliseconds(took), milliseconds(arrival), "ms")
	if err := findText(r, got.body, got.more, "", c.Match); err != nil {
		r.Worsen(steps.Unknown, "%v", err)
	}
}
