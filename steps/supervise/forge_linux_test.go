package supervise_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/steps/supervise"
)

// files makes a directory of files by hand.
func files(t *testing.T, contents map[string][]byte) string {
	t.Helper()
	dir := quickDir(t)
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestUsedPIDIsNotTheProgram forges who a program was: its pid alone is not it.
func TestUsedPIDIsNotTheProgram(t *testing.T) {
	t.Parallel()
	o, open := migration(t)
	p := start(t, o)
	pidOf(t, o, "pid")
	real := crewOf(t, o)
	classOf := func(c crew) supervise.Class {
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return supervise.Classify(files(t, map[string][]byte{"started": []byte("{}\n"), "lock": nil, "verdict": nil, "pid": text}), keyOf(o)).Class
	}
	if class := classOf(real); class != supervise.Orphan {
		t.Errorf("the program itself is %v", class)
	}
	for name, forge := range map[string]func(*taking){
		"another start":    func(p *taking) { p.Start += "1" },
		"no start":         func(p *taking) { p.Start = "" },
		"another boot":     func(p *taking) { p.Boot = strings.Repeat("0", len(p.Boot)) },
		"no boot":          func(p *taking) { p.Boot = "" },
		"another pid":      func(p *taking) { p.PID = os.Getpid() },
		"a pid of nobody":  func(p *taking) { p.PID = 1 << 30 },
		"a process group":  func(p *taking) { p.PID = -p.PID },
		"pid 0":            func(p *taking) { p.PID = 0 },
		"what comes first": func(p *taking) { p.PID = 1 },
	} {
		forged := real
		forge(&forged.Program)
		if class := classOf(forged); class != supervise.Unknown {
			t.Errorf("%s: %v", name, class)
		}
	}
	open()
	wantRows(t, o, p.End(), "supervisor")
	if class := classOf(real); class != supervise.Unknown {
		t.Errorf("the program has ended: %v", class)
	}
}

func TestOnlyTheSignedVerdictCounts(t *testing.T) {
	t.Parallel()
	o, other := script(t, "exit 42"), script(t, "exit 0")
	finish(t, o)
	finish(t, other)
	good, err := os.ReadFile(filepath.Join(o.Files, "verdict"))
	if err != nil {
		t.Fatal(err)
	}
	dir := files(t, map[string][]byte{"started": []byte("{}\n"), "lock": nil})
	class := func(verdict []byte, key string) supervise.Class {
		if err := os.WriteFile(filepath.Join(dir, "verdict"), verdict, 0o600); err != nil {
			t.Fatal(err)
		}
		return supervise.Classify(dir, key).Class
	}
	if class(good, keyOf(o)) != supervise.Exited {
		t.Error("a copy of the verdict does not count")
	}
	if class(good, keyOf(other)) == supervise.Exited || class(good, "") == supervise.Exited || class(good, "AAAA") == supervise.Exited {
		t.Error("a verdict counts that another key signed")
	}
	for i := range good {
		if class(good[:i], keyOf(o)) == supervise.Exited {
			t.Errorf("cut at byte %d it counts", i)
		}
		if i%7 > 0 {
			continue
		}
		bad := slices.Clone(good)
		bad[i] ^= 1
		if class(bad, keyOf(o)) == supervise.Exited {
			t.Errorf("with byte %d changed it counts", i)
		}
	}
	for _, more := range []string{"\n", "x", "\x00", string(good)} {
		if class(append(slices.Clone(good), more...), keyOf(o)) == supervise.Exited {
			t.Errorf("with %q behind it it counts", more)
		}
	}
}

// TestVerdictNamesItsOrder lets a log hold a verdict against its intent.
func TestVerdictNamesItsOrder(t *testing.T) {
	t.Parallel()
	o := script(t, "exit 42")
	first, second := seal(t, o), seal(t, o)
	if first.Commitment == second.Commitment || first.Key == second.Key {
		t.Error("two seals of an order are the same")
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	p, err := recorder(t).Start(second)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.End().Outcome.Order; got != second.Commitment {
		t.Errorf("verdict of order %s, want %s", got, second.Commitment)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// TestStepThatMeddles has programs that find their directory through their
// output, and write there what they like.
func TestStepThatMeddles(t *testing.T) {
	t.Parallel()
	lie := script(t, "exit 0")
	finish(t, lie)
	const find = `dir=$(readlink /proc/$$/fd/1); dir=${dir%/*}; `
	for name, c := range map[string]struct {
		sh     string
		class  supervise.Class
		source string
	}{
		"a verdict of its own":            {`cat "$LIE" >"$dir/verdict"; exit 42`, supervise.Exited, "supervisor"},
		"a long one":                      {`head -c 100000 /dev/zero | tr "\\0" "\\n" >"$dir/verdict"; exit 42`, supervise.Exited, "supervisor"},
		"one in its place":                {`rm "$dir/verdict"; cp "$LIE" "$dir/verdict"; exit 42`, supervise.Unknown, ""},
		"another pid":                     {`echo '{"program":{"pid":1}}' >"$dir/pid"; exit 42`, supervise.Exited, "supervisor"},
		"another pid, and a killing":      {`sed "s/\"pid\":$$/\"pid\":1/" "$dir/pid" >pid; cat pid >"$dir/pid"; kill -9 $PPID; exit 42`, supervise.Exited, "recorder"},
		"no pid, and a killing":           {`rm "$dir/pid"; kill -9 $PPID; exit 42`, supervise.Exited, "recorder"},
		"no output to know it by, and so": {`rm "$dir/pid"; exec >/dev/null 2>&1; kill -9 $PPID; exit 42`, supervise.Exited, "recorder"},
		"another intent":                  {`echo '{"order":"0"}' >"$dir/started"; exit 42`, supervise.Exited, "supervisor"},
		"no lock":                         {`rm "$dir/lock"; exit 42`, supervise.Exited, "supervisor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := script(t, find+c.sh)
			o.Env = append(o.Env, "LIE="+filepath.Join(lie.Files, "verdict"))
			end := start(t, o).End()
			if end.Class != c.class || end.Outcome.Source != c.source || c.source != "" && (end.Outcome.Exit != 42 || end.Outcome.Unseen != "") {
				t.Errorf("%+v", end)
			}
			if c.source == "recorder" {
				_ = os.Remove(filepath.Join(o.Files, "supervisor.log")) // empty, of the one that was killed
			}
		})
	}
}
