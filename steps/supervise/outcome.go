package supervise

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// The files of one execution, in the directory Order.Files.
const (
	startedFile = "started" // the intent: there before the fork, durable
	pidFile     = "pid"     // who runs; means nothing after a reboot
	rawFile     = "out"     // raw output; only the follower opens it
	verdictFile = "verdict" // the outcome, durable

	// OutputFile holds the output without secrets: the only one readers open.
	OutputFile = "out.red"
)

// Outcome is how a command ended, as the verdict file holds it.
type Outcome struct {
	Exit      int           `json:"exit"`                // exit code; -1 if a signal ended it or it was never executed
	Signal    string        `json:"signal,omitempty"`    // SIGTERM, if a signal ended it
	Cancelled bool          `json:"cancelled,omitempty"` // somebody asked for its end
	Sent      []string      `json:"sent,omitempty"`      // the signals we sent, in order
	Began     time.Time     `json:"began"`
	Took      time.Duration `json:"took"`
	Bytes     int64         `json:"bytes"`               // length of out.red
	SHA256    string        `json:"sha256"`              // of out.red, lower case hex
	Leftovers []string      `json:"leftovers,omitempty"` // processes that outlived it: "4242 sleep", after a cancel "4242 sleep (killed)"
	Err       string        `json:"err,omitempty"`       // what kept the program from being executed
	Unseen    string        `json:"unseen,omitempty"`    // why the end of a process that ran is not known
	Warn      string        `json:"warn,omitempty"`      // what could not be recorded
}

// Class is what a directory of files says about an execution.
type Class uint8

// The classes. Unknown is a command that was to be started and whose end
// nobody saw: it may have done nothing, a part, or all.
const (
	Unknown Class = iota
	NeverStarted
	Exited
	StillRunning
)

// String is the class's name in messages.
func (c Class) String() string {
	return [...]string{Unknown: "unknown", NeverStarted: "never started", Exited: "exited", StillRunning: "still running"}[c]
}

// identity is a process that can be recognised: a pid is used again, a pid
// with its start time and boot is not.
type identity struct {
	PID   int    `json:"pid"`
	Start string `json:"start"`
	Boot  string `json:"boot"`
}

// Classify says what the directory of an execution tells. The outcome is
// filled in for Exited alone. It needs nobody to be alive; between the end of
// a command and its verdict it answers Unknown.
func Classify(dir string) (Class, Outcome) {
	if o, ok := readVerdict(dir); ok {
		return Exited, o
	}
	if _, err := os.Lstat(filepath.Join(dir, startedFile)); os.IsNotExist(err) {
		return NeverStarted, Outcome{}
	}
	if alive(readIdentity(dir)) {
		return StillRunning, Outcome{}
	}
	if o, ok := readVerdict(dir); ok { // it may have ended since the first look
		return Exited, o
	}
	return Unknown, Outcome{}
}

func readVerdict(dir string) (o Outcome, ok bool) {
	data, err := os.ReadFile(filepath.Join(dir, verdictFile))
	return o, err == nil && json.Unmarshal(data, &o) == nil
}

func readIdentity(dir string) (id identity) {
	data, err := os.ReadFile(filepath.Join(dir, pidFile))
	if err != nil || json.Unmarshal(data, &id) != nil {
		return identity{}
	}
	return id
}

// alive reports whether exactly this process still executes.
func alive(id identity) bool {
	if id.PID <= 0 || id.Start == "" || id.Boot == "" || id.Boot != bootID() {
		return false
	}
	p, ok := look(id.PID)
	return ok && !p.zombie && p.start == id.Start
}
