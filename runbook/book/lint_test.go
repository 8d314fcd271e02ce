package book_test

import (
	"fmt"
	"strings"
	"testing"

	"runbook/runbook/book"
)

func lint(t *testing.T, text string) string {
	t.Helper()
	var all []string
	for _, p := range book.Lint(read(t, text)) {
		all = append(all, p.In("b"))
	}
	return strings.Join(all, "\n")
}

func TestLintOfAGoodBook(t *testing.T) {
	t.Parallel()
	if got := lint(t, whole); got != "" {
		t.Errorf("got\n%s", got)
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	step := head + "[[phase.step]]\nid = \"c\"\ncheck.look = {}\n[[phase.step]]\nid = \"a\"\n" // nine lines
	none := step + "effect = \"none\"\n"
	for name, test := range map[string]struct{ text, want string }{
		"neither":          {step + "run.command = { argv = [\"a\"] }", "b:8:1: run a has an effect and neither undo nor verify; name a plan's step and a check, or set effect = \"none\""},
		"no undo":          {step + "verify = \"c\"\nrun.command = { argv = [\"a\"] }", "b:8:1: warning: run a has no undo; name a plan's step, or write undo = \"none: reason\""},
		"no verify":        {step + "undo = \"none: x\"\nrun.command = { argv = [\"a\"] }", "b:8:1: warning: run a has no verify: if its end is not seen, only a person can say what happened"},
		"no effect":        {none + "run.command = { argv = [\"a\"] }", ""},
		"probe":            {step + "run.probe.poke = {}", ""},
		"plan":             {step + "check.look = {}\n[[plan]]\nid = \"b\"\nsituation = \"x\"\n[[plan.step]]\nid = \"d\"\nrun.command = { argv = [\"a\"] }", "b:14:1: warning: run d has no verify: if its end is not seen, only a person can say what happened"},
		"kill":             {none + "run.command = { argv = [\"a\"], kill_after = \"1m\" }", "b:11:31: kill_after wants why: a machine does not kill a command without a reason"},
		"situation":        {step + "check.look = {}\n[[plan]]\nid = \"b\"\n[[plan.step]]\nid = \"d\"\ncheck.look = {}", "b:11:1: warning: plan b names no situation; the operator chooses by it"},
		"undo of ask":      {step + "verify = \"c\"\nask.confirm = {}", "b:8:1: warning: undo, verify, during and effect mean something only with run"},
		"unquoted":         {none + "run.command = { sh = 'docker run $TAG' }", "b:11:34: unquoted $TAG is split into words and matched against files; write \"$TAG\""},
		"command":          {none + "run.command = { sh = 'kill $(cat pid)' }", "b:11:28: unquoted $(…) is split into words and matched against files; write \"$(…)\""},
		"several":          {none + "run.command.sh = '''\nset -x\n  rm $A \"$B\" ${C:-x}\n'''", "b:13:6: unquoted $A is split into words and matched against files; write \"$A\"\nb:13:14: unquoted $C is split into words and matched against files; write \"$C\""},
		"redirection":      {none + "run.command.sh = 'a > $F'", "b:11:23: unquoted $F is split into words and matched against files; write \"$F\""},
		"loop":             {none + "run.command.sh = 'for x in $L; do echo \"$x\"; done'", "b:11:28: unquoted $L is split into words and matched against files; write \"$L\""},
		"counting":         {none + "run.command.sh = 'for x in $(seq 1 60); do echo \"$x\"; done'", ""},
		"counted":          {none + "run.command.sh = 'for x in $(seq 1 $N); do echo \"$x\"; done'", "b:11:36: unquoted $N is split into words and matched against files; write \"$N\""},
		"inside":           {none + "run.command.sh = 'echo \"$(cat $F)\"'", "b:11:31: unquoted $F is split into words and matched against files; write \"$F\""},
		"fine":             {none + "run.command.sh = 'x=$(date) y=$x; export Z=$y; [[ $x = $y ]] && echo \"$x\" $? ${#x} $((1 + x)) <<<\"$y\"'", ""},
		"no shell":         {none + "run.command.sh = 'if true'", "b:11:19: bash can't read this: `if <cond>` must be followed by `then`"},
		"shell argv":       {none + "run.command.argv = [\"bash\", \"-euc\", \"rm ${v}\"]\n[vars]\nv = {}", "b:11:37: a var inside a shell's script is read as program text; write sh = … and use \"$NAME\""},
		"shell args":       {none + "run.command.argv = [\"bash\", \"-c\", 'rm \"$1\"', \"_\", \"${v}\"]\n[vars]\nv = {}", ""},
		"when":             {step + "ask.decide = { var = \"v\", choices = [\"docker\", \"node\"] }\n[[phase.step]]\nid = \"d\"\nwhen = { v = \"dokcer\" }\ncheck.look = {}\n[vars]\nv = {}", "b:13:10: v is never \"dokcer\": a chooses among docker, node; did you mean docker?"},
		"default":          {step + "check.look = {}\n[vars]\nv = { required = true, default = \"x\" }", "b:12:1: warning: v is required and has a default; one of them means nothing"},
		"empty":            {head + "[[phase]]\nid = \"q\"\n[[phase.step]]\nid = \"a\"\ncheck.look = {}", "b:3:1: warning: phase p has no steps"},
		"nothing":          {"schema = 1\nname = \"x\"", "b:1:1: a book wants at least one phase"},
		"nine people":      {head + strings.Repeat("[[phase.step]]\nid = \"X\"\nask.confirm = {}\n", 9), ""},
		"ten people":       {head + strings.Repeat("[[phase.step]]\nid = \"X\"\nask.confirm = {}\n", 9) + "[[phase.step]]\nid = \"t\"\ntell.message = { to = \"a\", text = \"b\" }", "b:3:1: warning: phase p asks people for 10 things before its pause point; split it at 9"},
		"signs the run":    {step + "ask.approve = { role = \"qa\", scope = \"run\" }\n[[signoff]]\nrole = \"qa\"\nscope = \"run\"", ""},
		"nobody misses it": {step + "ask.approve = { role = \"qa\", scope = \"run\" }\n[[signoff]]\nrole = \"qa\"\nscope = \"phase:p\"", "b:10:30: no [[signoff]] has the role qa and the scope run: nobody would miss its signature"},
		"signs twice":      {step + "ask.approve = { role = \"qa\" }\n[[phase.step]]\nid = \"d\"\nask.approve = { role = \"qa\" }", "b:13:17: qa approves with scope phase:p in a already: a signature settles one step"},
		"two scopes":       {step + "ask.approve = { role = \"qa\" }\n[[phase]]\nid = \"q\"\n[[phase.step]]\nid = \"d\"\nask.approve = { role = \"qa\" }\n[[plan]]\nid = \"b\"\nsituation = \"x\"\n[[plan.step]]\nid = \"e\"\nask.approve = { role = \"qa\" }", ""},
		"wanted twice":     {step + "check.look = {}\n[[signoff]]\nrole = \"qa\"\nscope = \"run\"\n[[signoff]]\nrole = \"qa\"\nscope = \"run\"\ndistinct = true", "b:15:1: qa signs run twice"},
		"check's argv":     {step + "check.look = { argv = [\"sh\", \"-c\", \"${v}\"] }\n[vars]\nv = {}", "b:10:36: a var inside a shell's script is read as program text; write sh = … and use \"$NAME\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := test.text
			for i := range 10 { // each X becomes an id of its own
				text = strings.Replace(text, "\"X\"", "\"n"+string(rune('a'+i))+"\"", 1)
			}
			if got := lint(t, text); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// The shell's parser recurses: no script may be deep enough to end us.
func TestLintDeepScripts(t *testing.T) {
	t.Parallel()
	const long = "run.command.sh = '''# %s'''"
	if got := lint(t, head+"[[phase.step]]\nid = \"a\"\neffect = \"none\"\n"+fmt.Sprintf(long, strings.Repeat("x", 16<<10))); !strings.Contains(got, "16386 bytes") {
		t.Errorf("a long script: %s", got)
	}
	for _, deep := range []string{"(", "$(", "\"$(", "${a:-", "if ", "{ ", "$((", "[[ ! ", "a=(", "<(", "`", "! "} {
		script := strings.Repeat(deep, 16<<10/len(deep))
		if got := lint(t, head+"[[phase.step]]\nid = \"a\"\neffect = \"none\"\nrun.command.sh = '''"+script+"'''"); got == "" {
			t.Errorf("%q again and again passes", deep)
		}
	}
}
