package report

import (
	"encoding/json"
	"strings"
	"time"

	"runbook/runbook/journal"
	"runbook/steps"
	"runbook/steps/safetext"
)

// body is what an entry about a step may hold, as far as it is told.
type body struct {
	Rehearsed bool   `json:"rehearsed"`
	VTime     string `json:"vtime"`
	Step      string `json:"step"`

	Verdict  steps.Verdict    `json:"verdict"`
	Reason   string           `json:"reason"`
	Where    string           `json:"where"`
	Evidence []steps.Evidence `json:"evidence"`
	TookUS   int64            `json:"took_us"`
	Settles  string           `json:"settles"`
	Aside    bool             `json:"aside"`
	Waived   *Waiver          `json:"waived"`

	Attempt    int      `json:"attempt"`
	Argv       []string `json:"argv"`
	Program    string   `json:"program"`
	ProgramSHA string   `json:"program_sha256"`
	Dir        string   `json:"dir"`
	Env        []string `json:"env"`
	Host       string   `json:"host"`
	Outcome    string   `json:"outcome"`
	Exit       *int     `json:"exit"`
	Signal     string   `json:"signal"`
	Bytes      int64    `json:"out_bytes"`
	OutSHA     string   `json:"out_sha256"`
	Source     string   `json:"source"`
	Began      string   `json:"began"`

	Answer string          `json:"answer"`
	Value  string          `json:"value"`
	Role   string          `json:"role"`
	By     string          `json:"by"`
	To     json.RawMessage `json:"to"` // whom, of a tell
	SHA256 string          `json:"text_sha256"`
	Via    json.RawMessage `json:"via"` // the kind of a tell; the way to a host
	Slot   int             `json:"slot"`
	Was    string          `json:"was"`
	NA     bool            `json:"not_applicable"`
	Who    string          `json:"who"`
	Text   string          `json:"text"`
}

// word is a field that is a string in some kinds of entry.
func word(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// acts says, by the kind of an entry, what happened.
var acts = map[string]func(a *Act, b body){
	"check": func(a *Act, b body) {
		a.What = "looked"
		switch {
		case b.Settles != "":
			a.What = "verified by " + b.Step
		case b.Aside:
			a.What = "looked out of turn"
		}
		a.saw(b)
		a.Waiver = b.Waived
	},
	"run.intent": func(a *Act, b body) {
		a.What = "started"
		if b.Host != "" {
			a.What += " on " + b.Host
		}
		a.Command = &Command{
			Attempt: b.Attempt, Host: b.Host, Dir: b.Dir, Program: b.Program, ProgramSHA: b.ProgramSHA,
			Env: b.Env, shown: commandLine(b.Host, b.Dir, b.Argv),
		}
		for _, arg := range b.Argv {
			a.Command.Argv = append(a.Command.Argv, safetext.Exact(arg))
		}
	},
	"run.result": func(a *Act, b body) {
		a.What = "ended"
		a.saw(b)
		a.End = &End{
			Attempt: b.Attempt, Host: b.Host, Outcome: b.Outcome, Exit: b.Exit, Signal: b.Signal,
			Bytes: b.Bytes, SHA256: b.OutSHA, Source: b.Source,
		}
	},
	"ask": func(a *Act, b body) {
		a.What, a.Text = b.Answer, b.Value
		if b.Role != "" {
			a.What += " as " + b.Role + ", reported"
		}
		if b.By != "" {
			a.By = "the " + b.By
		}
	},
	"tell":        func(a *Act, b body) { a.What, a.Text = "told", "to "+word(b.To)+", "+word(b.Via)+", "+message(b) },
	"tell.intent": func(a *Act, b body) { a.What, a.Text = "sending", "to "+word(b.To)+" by "+word(b.Via)+", "+message(b) },
	"tell.result": func(a *Act, b body) {
		a.What = "sent to " + word(b.To)
		if b.Verdict != steps.Pass && b.Verdict != steps.Warn {
			a.What = "not known to be sent to " + word(b.To)
		}
		a.saw(b)
	},
	"watch": func(a *Act, _ body) { a.What = "watch began" },
	"skip": func(a *Act, b body) {
		a.What, a.Text = "skipped", b.Reason
		if b.NA {
			a.What = "not applicable"
		}
	},
	"accept": func(a *Act, b body) { a.What, a.Text = "accepted what was "+b.Was, b.Reason },
	"byhand": func(a *Act, b body) { a.What, a.Text = "done by hand", "by "+b.Who },
	"note":   func(a *Act, b body) { a.What, a.Text = "beside it", b.Text },
}

// personal are the kinds that stand on the answer of who drove.
var personal = map[string]bool{
	"run.intent": true, "ask": true, "tell": true, "tell.intent": true, "skip": true, "accept": true, "byhand": true,
}

// act reads an entry about a step; ok is false if it is about none.
func act(e journal.Entry, by string) (a Act, b body, ok bool) {
	read := acts[e.Kind]
	if read == nil || json.Unmarshal(e.Body, &b) != nil || b.Step == "" {
		return a, b, false
	}
	a = Act{Entry: e.N, At: e.Time}
	if personal[e.Kind] {
		a.By = by
	}
	if b.Rehearsed && personal[e.Kind] {
		a.By = "nobody, rehearsed"
	}
	read(&a, b)
	return a, b, true
}

// saw takes over what was measured.
func (a *Act) saw(b body) {
	a.Verdict, a.Text, a.Where, a.Evidence, a.TookUS = b.Verdict.String(), b.Reason, b.Where, b.Evidence, b.TookUS
}

func message(b body) string { return "text sha256 " + b.SHA256 }

// commandLine is a command as a shell's prompt would show it, every character
// visible; a script is shown line by line.
func commandLine(host, dir string, argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	prompt := safetext.Exact(dir) + " $"
	if host != "" {
		prompt = safetext.Exact(host) + ":" + prompt
	}
	last, script := len(argv), []string(nil)
	if last > 1 && strings.Contains(argv[last-1], "\n") {
		last--
		script = strings.Split(strings.TrimRight(argv[last], "\n"), "\n")
	}
	for _, arg := range argv[:last] {
		arg = safetext.Exact(arg)
		if arg == "" || strings.ContainsAny(arg, " \t\"'\\$`*?[]{}()<>|&;#~!") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		prompt += " " + arg
	}
	lines := []string{prompt}
	for _, line := range script {
		lines = append(lines, "    "+safetext.Exact(line))
	}
	return lines
}

// unstamp reads a time of the world's clock, nil if there is none.
func unstamp(s string) *time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return nil
	}
	return &t
}
