package supervise

import (
	"time"

	"runbook/steps"
)

// Order is one execution, all of it decided: what an operator approves and a
// supervisor executes.
type Order struct {
	Argv        []string       // as the program sees it
	Path        string         // the file that is executed, absolute
	ProgramSHA  string         // SHA-256 of that file as approved, lower case hex; not held against it if empty
	Dir         string         // where, absolute
	Env         []string       // KEY=VALUE, the whole environment
	Agent       bool           // the environment names the SSH agent
	Stdin       []byte         // what the program reads; nothing if empty
	Recovery    bool           // no full disk may fail it: what it prints goes through memory, and is lost rather than refused
	Interactive bool           // it has a terminal of its own, which a screen attaches to
	Rows, Cols  uint16         // of that terminal until a screen says; 24x80 if zero
	Files       string         // the directory of started, out.red and verdict; made if missing
	Shared      bool           // the group may read out.red along
	Secrets     []steps.Secret // what is redacted from the output
	Grace       time.Duration  // between SIGINT, SIGTERM and SIGKILL of a cancel; 10 s if zero
	KillAfter   time.Duration  // then it is cancelled, whoever looks on; never if zero

	// CallOff ends what the program only stands for, a command on another host:
	// it is executed for each request to cancel, and signals come only if that
	// does not end the program. Of it count Argv, Path, Dir, Env and Stdin.
	CallOff *Order
}
