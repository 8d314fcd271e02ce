package report

import (
	"time"

	"runbook/steps"
)

// Schema is the version of an Account's JSON, which docs/report.md describes.
// Fields may be added within a version; none changes or goes.
const Schema = 1

// The outcomes of an Account.
const (
	Deployed   = "deployed"
	RolledBack = "rolled back"
	Stopped    = "stopped"
	Open       = "open"
)

// Account is what was done in a run: by whom, with which evidence, what was not
// simply done, who signed. All its text is safe to show, on one line a string.
// Times are UTC, durations microseconds.
type Account struct {
	Schema   int          `json:"schema"`
	Run      string       `json:"run"` // 32 hex digits
	Outcome  string       `json:"outcome"`
	Reason   string       `json:"reason,omitempty"`   // said at its end
	Standing string       `json:"standing,omitempty"` // of an open run: where it stands
	Marks    []string     `json:"marks"`              // what must not be overlooked: PRACTICE, REHEARSED …
	Practice bool         `json:"practice"`
	Guard    bool         `json:"guard"` // the target is production
	Mode     string       `json:"mode"`
	Of       string       `json:"of,omitempty"` // the run that this one takes back
	Book     File         `json:"book"`
	Target   File         `json:"target"`
	Demanded []Var        `json:"demanded"` // what the target demanded of the run, such as a change ticket
	Vars     []Var        `json:"vars"`     // without secrets
	Started  time.Time    `json:"started"`
	Ended    *time.Time   `json:"ended,omitempty"`
	AsOf     time.Time    `json:"as_of"`                    // of the last entry
	Clock    *time.Time   `json:"practice_clock,omitempty"` // what a practice world's clock of waits said last
	Sessions []Session    `json:"sessions"`
	Counts   []Count      `json:"counts"`    // the steps of all that was walked, by state
	Findings []Finding    `json:"findings"`  // what did not simply pass, the worst first
	Signoffs []Signoff    `json:"sign_offs"` // wanted, and given beyond that
	Phases   []Phase      `json:"phases"`
	Plans    []Phase      `json:"plans"` // the ways back that were walked
	Memos    []Memo       `json:"memos"`
	Goals    []Objective  `json:"objectives"` // of the book, held against the way back that was walked
	Log      Log          `json:"log"`
	Verified *Verified    `json:"verified,omitempty"` // by who asked for the report
	Outputs  []OutputTail `json:"outputs,omitempty"`  // ends of what failing commands printed

	release string // the name of the var that says which
}

// File is a book or a target: the run's own copy.
type File struct {
	Name   string `json:"name"`
	Title  string `json:"title,omitempty"`
	File   string `json:"file"` // where it was read
	SHA256 string `json:"sha256"`
}

// Var is a value of the run. From says who gave it: "this run", "decided",
// "target", "book".
type Var struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// Session is a time in which one person drove.
type Session struct {
	Number    int       `json:"number"` // from 1, the segment of the log
	Entry     uint64    `json:"entry"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"` // of its last entry
	User      string    `json:"user"`
	Host      string    `json:"host"`
	Terminal  string    `json:"terminal,omitempty"`
	Key       string    `json:"key"`                 // the person's key, by its fingerprint; empty if none signed
	Unsigned  string    `json:"unsigned,omitempty"`  // why nobody signed
	Did       string    `json:"did,omitempty"`       // of one in which nobody drove: what it did
	Principal string    `json:"principal,omitempty"` // whose key that is, says who verified
	Tool      string    `json:"tool"`
	HandedTo  string    `json:"handed_to,omitempty"` // who asked for the run and got it
}

// Count is how many steps are in a state.
type Count struct {
	State string `json:"state"`
	Steps int    `json:"steps"`
}

// Finding is a step that did not simply pass. Kind is the state of the step, or
// "waived", "warning", "verified" (settled by its verify, its own end was not
// enough), "reported" (approved, and nobody signed), "repeated" (it passed, and not at the first try).
type Finding struct {
	Kind     string     `json:"kind"`
	Phase    string     `json:"phase"`
	Step     string     `json:"step"`
	Title    string     `json:"title"`
	Critical bool       `json:"critical,omitempty"`
	Reason   string     `json:"reason"`
	By       string     `json:"by,omitempty"` // who let it pass, did it, or set it aside
	Waiver   *Waiver    `json:"waiver,omitempty"`
	Entry    uint64     `json:"entry,omitempty"`
	At       *time.Time `json:"at,omitempty"`
}

// Phase is a phase of the book, or a plan that was walked.
type Phase struct {
	ID     string     `json:"id"`
	Title  string     `json:"title"`
	Opened *time.Time `json:"opened,omitempty"`
	Closed *time.Time `json:"closed,omitempty"`
	TookUS int64      `json:"took_us,omitempty"`
	Loses  string     `json:"loses,omitempty"` // of a plan: what the book says it loses, and takes
	Takes  string     `json:"takes,omitempty"`
	Counts []Count    `json:"counts"`
	Steps  []Step     `json:"steps"`
}

// Step is what became of a step. Acts are what happened, in order.
type Step struct {
	ID        string           `json:"id"`
	Title     string           `json:"title"`
	Verb      string           `json:"verb"`
	Kind      string           `json:"kind,omitempty"`
	Critical  bool             `json:"critical,omitempty"`
	Hosts     []string         `json:"hosts,omitempty"`
	State     string           `json:"state"`
	Verdict   string           `json:"verdict,omitempty"` // of the last look, or of the command
	Reason    string           `json:"reason,omitempty"`
	Answer    string           `json:"answer,omitempty"`
	Where     string           `json:"where,omitempty"`
	Evidence  []steps.Evidence `json:"evidence,omitempty"`
	Rehearsed bool             `json:"rehearsed,omitempty"`
	Reported  bool             `json:"reported,omitempty"` // an approval that nobody signed: who drove said so
	Verified  bool             `json:"verified,omitempty"` // settled by its verify
	Began     *time.Time       `json:"began,omitempty"`
	Ended     *time.Time       `json:"ended,omitempty"`
	TookUS    int64            `json:"took_us,omitempty"`
	UsualUS   int64            `json:"usual_us,omitempty"` // median of earlier runs at this target
	UsualOf   int              `json:"usual_of,omitempty"` // so many
	Watch     *Slots           `json:"watch,omitempty"`
	Acts      []Act            `json:"acts,omitempty"`
	Left      int              `json:"acts_left_out,omitempty"` // earlier ones, which only the log has

	mark string
}

// Slots is how a watch was measured.
type Slots struct {
	Every    string     `json:"every"`
	For      string     `json:"for"`
	Planned  int        `json:"planned"`
	Measured int        `json:"measured"`
	Failed   int        `json:"failed"`
	Allowed  int        `json:"failures_allowed"`
	Unknown  int        `json:"unknown"`
	Missed   int        `json:"missed"`
	Loose    int        `json:"not_committed,omitempty"` // of these, what timers measured and the log is not committed to yet
	Gaps     []Gap      `json:"gaps,omitempty"`
	Began    *time.Time `json:"began,omitempty"`
	Bad      []Slot     `json:"bad,omitempty"` // the last that were measured and did not pass
	Left     int        `json:"bad_left_out,omitempty"`
}

// Slot is a slot of a watch that did not pass.
type Slot struct {
	Slot    int       `json:"slot"`
	Due     time.Time `json:"due"`
	Verdict string    `json:"verdict"`
	Reason  string    `json:"reason,omitempty"`
}

// Gap are slots that nobody measured.
type Gap struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

// Act is an entry of the log that is about a step.
type Act struct {
	Entry    uint64           `json:"entry"`
	At       time.Time        `json:"at"`
	What     string           `json:"what"`
	Verdict  string           `json:"verdict,omitempty"`
	Text     string           `json:"text,omitempty"`
	Where    string           `json:"where,omitempty"`
	Evidence []steps.Evidence `json:"evidence,omitempty"`
	TookUS   int64            `json:"took_us,omitempty"`
	By       string           `json:"by,omitempty"` // who answered; nobody did where it is empty
	Command  *Command         `json:"command,omitempty"`
	End      *End             `json:"end,omitempty"`
	Waiver   *Waiver          `json:"waiver,omitempty"`
}

// Waiver is what the target says of a check that may fail for a while.
type Waiver struct {
	By     string `json:"by"`
	Ticket string `json:"ticket"`
	Until  string `json:"until"` // its last day
}

// Command is what was started.
type Command struct {
	Attempt    int      `json:"attempt"`
	Host       string   `json:"host,omitempty"` // empty for the machine that drove
	Dir        string   `json:"dir,omitempty"`
	Argv       []string `json:"argv,omitempty"` // every character visible: \n, \x1b
	Program    string   `json:"program,omitempty"`
	ProgramSHA string   `json:"program_sha256,omitempty"`
	Env        []string `json:"env,omitempty"` // names

	shown []string // the command line as it was approved
}

// End is how a command ended.
type End struct {
	Attempt int    `json:"attempt"`
	Host    string `json:"host,omitempty"`
	Outcome string `json:"outcome"` // as in the log: exited, signalled, cancelled, not started, unknown, probed
	Exit    *int   `json:"exit,omitempty"`
	Signal  string `json:"signal,omitempty"`
	Bytes   int64  `json:"out_bytes"`
	SHA256  string `json:"out_sha256,omitempty"` // of the redacted output
	Source  string `json:"source,omitempty"`     // who saw it
}

// Memo is a note of who drove, or, with a step, what was done beside its verb.
type Memo struct {
	Entry uint64    `json:"entry"`
	At    time.Time `json:"at"`
	By    string    `json:"by"`
	Step  string    `json:"step,omitempty"`
	Text  string    `json:"text"`
}

// Objective is what the book wants of a recovery. Held is "within" or "over" if
// a way back was walked to its end.
type Objective struct {
	Scenario string `json:"scenario"`
	RTO      string `json:"rto,omitempty"`
	RPO      string `json:"rpo,omitempty"`
	TookUS   int64  `json:"took_us,omitempty"`
	Held     string `json:"held,omitempty"`
}

// Log is where all of this stands.
type Log struct {
	Entries  uint64   `json:"entries"`
	Head     string   `json:"head"`               // hash of the last entry
	HeadCode string   `json:"head_code"`          // the same, to compare by eye and voice
	Damage   string   `json:"damage,omitempty"`   // what is wrong behind it
	Foreign  []string `json:"foreign,omitempty"`  // kinds of entry that this version does not know
	Shredded []string `json:"shredded,omitempty"` // files beside the log that were taken away, and why
	Text     string   `json:"text_sha256"`        // of this report as Markdown, as a sign-off at this entry names it

	segment uint64 // with the last entry
	line    int    // of that segment: the last entry
}

// Verified are the verdicts of `runbook log verify` for who made the report.
type Verified struct {
	Integrity    Verdict `json:"integrity"`
	Completeness Verdict `json:"completeness"`
	Identity     Verdict `json:"identity"`
	Anchoring    Verdict `json:"anchoring"`
}

// Verdict is a word, and what it rests on.
type Verdict struct {
	Word string `json:"word"`
	Text string `json:"text"`
}

// OutputTail is the end of what a command printed, as it was redacted, if that
// is still what the log recorded.
type OutputTail struct {
	Step    string   `json:"step"`
	Attempt int      `json:"attempt"`
	Host    string   `json:"host,omitempty"`
	Lines   []string `json:"lines"`
}
