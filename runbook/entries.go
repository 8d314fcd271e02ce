package runbook

import (
	"time"

	"runbook/runbook/journal"
	"runbook/steps"
)

// The modes of a run.
const (
	ModeDeploy   = "deploy"
	ModeRollback = "rollback"
)

// The outcomes of a run.
const (
	Finished   = "finished"
	Stopped    = "stopped"
	RolledBack = "rolled back"
)

// The kinds of entry that a run writes; the log itself adds session and
// run.end.
const (
	kindRunStart      = "run.start"
	kindPhaseOpen     = "phase.open"
	kindPhaseClose    = "phase.close"
	kindCheck         = "check"
	kindRunIntent     = "run.intent"
	kindRunResult     = "run.result"
	kindAsk           = "ask"
	kindTell          = "tell"
	kindTellIntent    = "tell.intent"
	kindTellResult    = "tell.result"
	kindWatch         = "watch"
	kindSkip          = "skip"
	kindAccept        = "accept"
	kindByHand        = "byhand"
	kindNote          = "note"
	kindVar           = "var"
	kindRollbackStart = "rollback.start"
	kindRunEnd        = "run.end"
	kindSession       = "session"
)

// mark is what every entry of a run may carry: who answered (nobody, when
// rehearsed) and, in practice, the world's time.
type mark struct {
	Rehearsed bool   `json:"rehearsed,omitempty"`
	VTime     string `json:"vtime,omitempty"`
}

func (m *mark) set(rehearsed bool, vtime string) { m.Rehearsed, m.VTime = rehearsed, vtime }

// marked is every body that carries a mark.
type marked interface {
	set(rehearsed bool, vtime string)
}

type runStartBody struct {
	mark
	Book       string            `json:"book"`
	BookFile   string            `json:"book_file"`
	BookSHA    string            `json:"book_sha256"`
	Target     string            `json:"target"`
	TargetFile string            `json:"target_file"`
	TargetSHA  string            `json:"target_sha256"`
	Mode       string            `json:"mode"`
	World      string            `json:"world"`
	PracticeID string            `json:"practice_id,omitempty"`
	Of         string            `json:"of,omitempty"`
	Ran        []string          `json:"ran,omitempty"`     // what changed the target in the run that a rollback takes back
	Guard      bool              `json:"guard,omitempty"`   // the target is production
	Demands    []string          `json:"demands,omitempty"` // the vars it demanded of this run
	Vars       map[string]string `json:"vars"`

	Signoffs []journal.Required `json:"signoffs,omitempty"` // the roles that must sign
}

type phaseBody struct {
	mark
	Phase  string         `json:"phase"`
	Counts map[string]int `json:"counts,omitempty"` // at its close
}

type resultBody struct {
	Verdict  steps.Verdict    `json:"verdict"`
	Reason   string           `json:"reason,omitempty"`
	Where    string           `json:"where,omitempty"`
	Evidence []steps.Evidence `json:"evidence,omitempty"`
	TookUS   int64            `json:"took_us"`
}

func bodyOf(r steps.Result) resultBody {
	return resultBody{Verdict: r.Verdict, Reason: r.Reason, Where: r.Where, Evidence: r.Evidence, TookUS: r.Took.Microseconds()}
}

func (b resultBody) result(ended time.Time) *steps.Result {
	took := time.Duration(b.TookUS) * time.Microsecond
	return &steps.Result{Verdict: b.Verdict, Reason: b.Reason, Where: b.Where, Evidence: b.Evidence, Began: ended.Add(-took), Took: took}
}

type checkBody struct {
	mark
	resultBody
	Step    string  `json:"step"`
	Settles string  `json:"settles,omitempty"` // the step whose outcome this verify decides
	Aside   bool    `json:"aside,omitempty"`   // a look out of turn: it settles nothing
	Waived  *waived `json:"waived,omitempty"`  // the target's waiver, which lets this failure pass as accepted
}

type waived struct {
	By     string `json:"by"`
	Ticket string `json:"ticket"`
	Until  string `json:"until"` // the last day
}

type runIntentBody struct {
	mark
	Step    string   `json:"step"`
	Attempt int      `json:"attempt"`
	Kind    string   `json:"kind"`
	Argv    []string `json:"argv,omitempty"`
	Program string   `json:"program,omitempty"` // argv[0] as the target's PATH resolves it
	// ProgramSHA is of the file, as it was before the fork.
	ProgramSHA string   `json:"program_sha256,omitempty"`
	Dir        string   `json:"dir,omitempty"`
	Env        []string `json:"env,omitempty"` // names only

	// Order commits to all that its supervisor was handed, VerdictKey is the
	// public key that must sign what it says at the end, base64.
	Order      string `json:"order_sha256,omitempty"`
	VerdictKey string `json:"verdict_key,omitempty"`

	// Host is where it runs, of a step with hosts: an intent each. Argv, Dir
	// and Env are those there; Program and Via are the ssh of here. Proof is
	// the SHA-256 of what ends the host's own word.
	Host  string   `json:"host,omitempty"`
	Via   []string `json:"via,omitempty"`
	Proof string   `json:"proof_sha256,omitempty"`
}

type runResultBody struct {
	mark
	resultBody
	Step      string `json:"step"`
	Attempt   int    `json:"attempt"`
	Outcome   string `json:"outcome"` // exited, signalled, cancelled, not started, unknown, probed
	Exit      *int   `json:"exit,omitempty"`
	Signal    string `json:"signal,omitempty"`
	Bytes     int64  `json:"out_bytes,omitempty"`
	OutSHA256 string `json:"out_sha256,omitempty"` // of the redacted output
	Source    string `json:"source,omitempty"`     // what the outcome rests on
	Began     string `json:"began,omitempty"`      // of a command that was executed; it ended took_us later
	Host      string `json:"host,omitempty"`
	Again     bool   `json:"again,omitempty"` // the output is what the host was asked for once more
}

type askBody struct {
	mark
	Step   string `json:"step"`
	Kind   string `json:"kind"`
	Answer string `json:"answer"` // confirmed, declined, approved, rejected, or the choice
	Value  string `json:"value,omitempty"`
	Role   string `json:"role,omitempty"`
	By     string `json:"by,omitempty"` // "target": it chose; else a person
}

// set leaves out the mark of a rehearsal where nobody was asked.
func (b *askBody) set(rehearsed bool, vtime string) { b.mark.set(rehearsed && b.By == "", vtime) }

type tellBody struct {
	mark
	Step   string `json:"step"`
	To     string `json:"to"`
	SHA256 string `json:"text_sha256"`
	Via    string `json:"via"` // "copied": the operator carried it
}

// tellIntentBody is durable before a message is handed to anybody.
type tellIntentBody struct {
	mark
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	To      string `json:"to"`
	SHA256  string `json:"text_sha256"` // of what was shown, and is sent
	Via     string `json:"via"`         // the kind of tell
}

type tellResultBody struct {
	mark
	resultBody
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	To      string `json:"to"`
	Via     string `json:"via"`
}

type watchBody struct {
	mark
	resultBody
	Step string `json:"step"`
	Slot int    `json:"slot"` // 0 begins the watch
	Due  string `json:"due"`
	Gap  bool   `json:"gap,omitempty"`
	To   int    `json:"to,omitempty"` // the last slot of a gap of several
}

type reasonBody struct { // skip, accept
	mark
	Step   string `json:"step"`
	Reason string `json:"reason"`
	Was    string `json:"was,omitempty"` // the state that was accepted
	NA     bool   `json:"not_applicable,omitempty"`
}

type byHandBody struct {
	mark
	Step string `json:"step"`
	Who  string `json:"who"`
}

type noteBody struct {
	mark
	Step string `json:"step,omitempty"` // of what we write down ourselves
	Text string `json:"text"`
}

type varBody struct {
	mark
	Name  string `json:"name"`
	Value string `json:"value"`
}

type rollbackBody struct {
	mark
	Plan string `json:"plan"`
}

// handoverBody is the last entry of a session that let go of the run.
type handoverBody struct {
	mark
	To      string            `json:"to"`      // who asked for it
	Request string            `json:"request"` // which of the requests was granted
	Claims  map[string]string `json:"claims"`
	journal.SignedHandOver
	Unsigned string `json:"unsigned,omitempty"` // why what they signed is left out
}

type runEndBody struct {
	mark
	Outcome     string   `json:"outcome"`
	Reason      string   `json:"reason,omitempty"`
	Missing     []string `json:"missing,omitempty"`      // "ROLE SCOPE" of what was not signed by then
	ByRehearsal int      `json:"by_rehearsal,omitempty"` // how many of the rest a rehearsal signed
}

// stamp is how entries write a time of the world's clock.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func unstamp(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
