package book_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"runbook/runbook/book"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	text, err := read(t, whole).JSON()
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		ID, Title, Verb, Kind, Phase, Plan, Undo, Diagnose string
		Covers                                             []string
		Critical                                           bool
	}
	var shown struct {
		Steps, Hints, Contacts, Objectives, Backups, Signoffs []entry
		Phases, Plans                                         []struct{ Steps []entry }
	}
	if err := json.Unmarshal(text, &shown); err != nil {
		t.Fatal(err)
	}
	var flat []string
	for _, s := range shown.Steps {
		flat = append(flat, s.Phase+s.Plan+" "+s.Verb+"."+s.Kind+" "+s.ID)
	}
	want := []string{
		"pre-checks check.look health", "deploy run.command migrate", "deploy ask.decide platform", "deploy run.command deploy-docker",
		"deploy run.probe.poke flood", "deploy tell.message tell", "deploy watch.look day", "back run.command revert",
	}
	if !slices.Equal(flat, want) {
		t.Errorf("steps\n%s", strings.Join(flat, "\n"))
	}
	if s := shown.Steps[0]; !s.Critical || !slices.Equal(s.Covers, []string{"S1-L7"}) || shown.Steps[1].Covers == nil {
		t.Errorf("step %+v", s)
	}
	if len(shown.Phases) != 2 || len(shown.Plans[0].Steps) != 1 {
		t.Errorf("phases %+v", shown.Phases)
	}
	if h := shown.Hints[0]; h.Diagnose != "health" || h.Verb != "check" || h.Kind != "look" {
		t.Errorf("hint %+v", h)
	}
	for _, e := range []entry{shown.Contacts[0], shown.Objectives[0], shown.Backups[0], shown.Signoffs[0]} {
		if e.Verb != "data" || e.ID == "" || e.Covers == nil {
			t.Errorf("data %+v", e)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := read(t, whole).Text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1. health  CRITICAL", `check.look.url = "http://${image_tag}/health"`, `run.command.argv = ["npm", "run", "migration:revert"]`,
		"situation the new version fails", "when      platform is docker", "Sign-off qa-lead\n", "distinct  its key may sign no other role", "to commands as IMAGE_TAG", "covers    S1-L7",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, out.String())
		}
	}
}

// What is not shown can't be trusted: every string of every verb that acts
// stands in the summary.
func TestSummary(t *testing.T) {
	t.Parallel()
	b := read(t, strings.Replace(whole, `sh = "npm run migration:run`, `sh = "ls caf\u00e9\nnpm run migration:run`, 1))
	got := strings.Join(b.Summary(), "\n")
	for _, want := range []string{
		b.SHA256, `run.command.argv = ["docker", "run", "--name", "tickr", "--", "tickr:${image_tag}"]`, `  | ls caf\u00e9`,
		`  | npm run migration:run -- "$IMAGE_TAG"`, `run.command.secrets = ["database_url"]`, "secret database_url", "var image_tag, to commands as IMAGE_TAG",
		"connects to http://${image_tag}", "connects to http://x", `run.probe.poke.url = "http://x"`, `tell.message.to = "#deploys"`, `["npm", "run", "migration:revert"]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the summary lacks %s:\n%s", want, got)
		}
	}
}

func TestKindOfEveryStep(t *testing.T) {
	t.Parallel()
	for _, s := range read(t, whole).All() {
		if verb, kind := book.VerbOf(s); verb == "" || kind == "" {
			t.Errorf("step %s is %q of kind %q", s.ID, verb, kind)
		}
	}
	if verb, _ := book.VerbOf(&book.Step{}); verb != "" {
		t.Error("a step without a verb has one")
	}
}
