package bundle

import (
	"fmt"

	"runbook/runbook/journal"
)

// readme tells a stranger what lies in the directory and how to check it.
func readme(entries []journal.Entry) string {
	last := entries[len(entries)-1]
	return fmt.Sprintf(`The signed log of run %s, up to entry %d.

Check it
  Take VERIFY.sh from elsewhere, and lay it over the one here: a script that came
  in the same file proves nothing about itself. docs/verify.md of the program says
  how, and holds the SHA-256 of its VERIFY.sh; whoever exported this was told it
  too. Then
    sh VERIFY.sh ALLOWED_SIGNERS [REVOKED [HEADS]]

  It needs OpenSSH, coreutils and jq, and nothing of the program that wrote the
  log. ALLOWED_SIGNERS is a file of your own, never one that came with this: who
  owns which key, and with namespaces= in which role it signs (ssh-keygen(1)).
  REVOKED holds public keys that count no more, as a list or a KRL. HEADS is a
  text in which the head was posted: a mail, a chat. /dev/null stands for one
  that you have not. It prints four verdicts, which stand apart, and the head, and
  exits with 0 if all is well, 1 if something was tampered with, 2 if it can't be
  read, 3 if it is not complete, 4 if nobody vouches for a key.
  With the program at hand, runbook log verify does the same on this directory.

  Nothing in this directory proves that later entries were not cut off. Hold the
  head against one that was posted somewhere else, or let VERIFY.sh do it:
  %s

What is here
  0001.jsonl …     the log: a line is an entry, which holds the hash of the line
                   before and is signed by the key of its session
  watch.jsonl      what was measured over days, if anything was; a log of its own
  book.toml        what was carried out; target.toml: where. Their hashes are in
                   the log
  statements/      what people signed: N is the entry. Each by itself:
                   ssh-keygen -Y verify -f ALLOWED_SIGNERS -I PRINCIPAL \
                     -n signoff.ROLE@runbook-log -s N-ROLE.txt.sig < N-ROLE.txt
                   N-ROLE.report.md is the report that was shown then, if it can
                   still be made: the statement names its hash
  report.md        the same, told for people; report.html is the same for a browser

  VERIFY.sh checks the log, book.toml, target.toml and statements/. It does not
  check report.md and report.html at the top, which are made from the log:
  runbook log verify makes them anew and compares. Nothing checks this file.

What commands printed is not here: the log holds its hashes.
`, last.Run, last.N, journal.HeadLine(last.Run, last.N, last.Head))
}
