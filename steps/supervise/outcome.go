package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The files of one execution, in the directory Order.Files.
const (
	startedFile = "started"        // the intent: there before the fork, durable
	lockFile    = "lock"           // held as long as somebody supervises
	pidFile     = "pid"            // who runs; means nothing after a reboot
	cancelFile  = "cancel"         // a byte for each request to end
	logFile     = "supervisor.log" // what a supervisor says of itself; empty, it goes
	rawFile     = "out"            // raw output; only its supervisor opens it
	verdictFile = "verdict"        // the outcome, signed, durable

	// OutputFile holds the output without secrets: the only one readers open.
	OutputFile = "out.red"
)

// Outcome is how a command ended, as its verdict holds it.
type Outcome struct {
	Exit      int           `json:"exit"`                // exit code; -1 if a signal ended it or it was never executed
	Signal    string        `json:"signal,omitempty"`    // SIGTERM or "signal 34", if a signal ended it
	Core      bool          `json:"core,omitempty"`      // it left a core dump
	Cancelled bool          `json:"cancelled,omitempty"` // somebody asked for its end
	Sent      []string      `json:"sent,omitempty"`      // the signals we sent, in order
	Began     time.Time     `json:"began"`
	Took      time.Duration `json:"took"`
	Bytes     int64         `json:"bytes"`               // length of out.red
	SHA256    string        `json:"sha256"`              // of out.red, lower case hex
	Leftovers []string      `json:"leftovers,omitempty"` // processes that outlived it: "4242 sleep", after a cancel "4242 sleep (killed)"
	Unread    bool          `json:"unread,omitempty"`    // it read nothing of its input: that went nowhere
	Err       string        `json:"err,omitempty"`       // what kept the program from being executed
	Unseen    string        `json:"unseen,omitempty"`    // why the end of a process that ran is not known
	Lost      int64         `json:"lost,omitempty"`      // bytes of output for which there was no room
	Full      bool          `json:"full,omitempty"`      // the disk of its output took no more: its own writes may have failed
	Warn      string        `json:"warn,omitempty"`      // what could not be recorded
	Order     string        `json:"order"`               // the commitment of what was executed
	Source    string        `json:"source"`              // who saw it: "supervisor", or "recorder" after the supervisor died
}

// Class is what a directory of files says about an execution.
type Class uint8

// The classes. Unknown is a command that was to be started and whose end
// nobody saw: it may have done nothing, a part, or all.
const (
	Unknown      Class = iota
	NeverStarted       // no intent of it was ever durable
	Exited             // a signed verdict says how
	Running            // it is supervised
	Orphan             // it goes on, and nobody will see its end
)

// String is the class's name in messages.
func (c Class) String() string {
	return [...]string{Unknown: "unknown", NeverStarted: "never started", Exited: "exited", Running: "running", Orphan: "running without a supervisor"}[c]
}

// Alive reports whether the command goes on.
func (c Class) Alive() bool { return c == Running || c == Orphan }

// Status is what the directory of an execution tells.
type Status struct {
	Class    Class
	Outcome  Outcome // of Exited
	Source   string  // what the class rests on
	PID      int     // the program, also its session and group; 0 if not known
	Stopped  string  // who is stopped by a signal and does not go on: "supervisor" or "program"
	Withheld int64   // bytes of output that nobody has redacted, and nobody may read
	Lost     int64   // bytes of output for which there was no room as yet
	Err      error   // what kept us from looking: the class is not to be relied on
}

// Classify says what the directory of an execution tells; key is the one its
// intent names. It needs nobody to be alive and changes nothing.
func Classify(files, key string) Status {
	s := classify(files, key)
	if s.Class != Unknown {
		return s
	}
	if s.Err = readable(files); s.Err == nil {
		s = classify(files, key) // what could not be read a moment ago may be now
	}
	return s
}

// readable reports what keeps us from looking, such as a process that may open
// no more files. What is missing, or not ours to read, is no such thing.
func readable(files string) error {
	for _, name := range []string{verdictFile, pidFile, lockFile} {
		f, err := os.Open(filepath.Join(files, name))
		if err == nil {
			err = f.Close()
		}
		if err != nil && !os.IsNotExist(err) && !os.IsPermission(err) {
			return fmt.Errorf("look at a command: %w", err)
		}
	}
	return nil
}

func classify(files, key string) Status {
	s := Status{Source: "the verdict"}
	who := readIdentities(files)
	s.PID, s.Lost = who.Program.PID, who.Lost
	o, signed := readVerdict(files, key)
	if signed == verdictGood {
		s.Class, s.Outcome, s.Source = Exited, o, "the verdict of its "+o.Source
		return s
	}
	switch intent, err := os.ReadFile(filepath.Join(files, startedFile)); {
	case os.IsNotExist(err):
		s.Class, s.Source = NeverStarted, "no intent in its directory"
		return s
	case string(intent) == withdrawn:
		s.Class, s.Source = NeverStarted, "an intent that was withdrawn"
		return s
	}
	if held, err := locked(files); held && err == nil {
		s.Class, s.Source, s.Stopped = Running, "the lock of its supervisor", who.stopped()
		return s
	}
	// It may have ended since the first look.
	if o, signed = readVerdict(files, key); signed == verdictGood {
		s.Class, s.Outcome, s.Source = Exited, o, "the verdict of its "+o.Source
		return s
	}
	s.Withheld = withheld(files)
	switch {
	case who.Program.alive():
		s.Class, s.Source, s.Stopped = Orphan, "its process", who.stopped()
	case signed == verdictForged:
		s.Source = "a verdict that its key did not sign"
	default:
		s.Source = "neither verdict nor process"
	}
	return s
}

// withheld is how much raw output lies there.
func withheld(files string) int64 {
	raw, err := os.Lstat(filepath.Join(files, rawFile))
	if err != nil {
		return 0
	}
	red, err := os.Lstat(filepath.Join(files, OutputFile))
	if err != nil {
		return raw.Size()
	}
	return max(0, raw.Size()-red.Size())
}
