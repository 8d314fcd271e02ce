package check_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

const (
	good = "9c1e2aa0000000000000000000000000000000aa" // all is well, and squashed
	bad  = "bad00000000000000000000000000000000000bb" // what else can be, by its names
)

// forge answers as GitHub does, to those who have its token.
func forge(w http.ResponseWriter, q *http.Request) {
	run := func(name, status, conclusion, sha string) string {
		return fmt.Sprintf(`{"name":%q,"status":%q,"conclusion":%s,"head_sha":%q}`, name, status, conclusion, sha)
	}
	runs := func(all ...string) string {
		return fmt.Sprintf(`{"total_count":%d,"check_runs":[%s]}`, len(all), strings.Join(all, ","))
	}
	pull := func(number int, head, result, merged string) string {
		return fmt.Sprintf(`{"number":%d,"html_url":"https://git.example/o/r/pull/%d","user":{"login":"ana"},"merged_at":%s,"merge_commit_sha":%q,"head":{"sha":%q},"base":{"ref":"main"}}`, number, number, merged, result, head)
	}
	review := func(login, state, commit string) string {
		return fmt.Sprintf(`{"user":{"login":%q},"state":%q,"commit_id":%q,"author_association":"MEMBER"}`, login, state, commit)
	}
	as := func(association, said string) string { return strings.Replace(said, "MEMBER", association, 1) }
	list := func(all ...string) string { return "[" + strings.Join(all, ",") + "]" }
	merged := `"2026-11-20T10:00:00Z"`
	answers := map[string]string{
		"/commits/" + good + "/check-runs": runs(run("test", "completed", `"success"`, good), run("test", "completed", `"success"`, good), run("lint", "completed", `"success"`, good)),
		"/commits/" + good + "/status":     `{"sha":"` + good + `","total_count":1,"statuses":[{"context":"deploy/preview","state":"success"}]}`,
		"/commits/" + good + "/pulls":      list(pull(6, "older", "older", "null"), pull(7, "head7", good, merged)),
		"/pulls/7/reviews":                 list(review("bob", "CHANGES_REQUESTED", "head6"), review("bob", "APPROVED", "head7"), review("bob", "COMMENTED", "head7"), review("eve", "APPROVED", "head6"), review("ana", "APPROVED", "head7")),

		"/commits/" + bad + "/check-runs": runs(run("red", "completed", `"failure"`, bad), run("skipped", "completed", `"skipped"`, bad), run("runs", "in_progress", "null", bad), run("again", "completed", `"success"`, bad), run("again", "completed", `"failure"`, bad), run("other", "completed", `"success"`, good)),
		"/commits/" + bad + "/status":     `{"sha":"` + bad + `","total_count":2,"statuses":[{"context":"waits","state":"pending"},{"context":"broken","state":"error"}]}`,
		"/commits/" + bad + "/pulls":      list(pull(8, bad, "", "null")),
		"/pulls/8/reviews":                list(review("ana", "APPROVED", bad), review("bob", "CHANGES_REQUESTED", bad)),

		"/commits/a10ee00/pulls": "[]",
		"/commits/ffffff0/pulls": list(pull(9, "head9", "result9", merged)),
		"/commits/eeeeee0/pulls": list(pull(10, "eeeeee0aaaa", "", "null")),
		"/pulls/10/reviews":      list(review("ana", "APPROVED", "eeeeee0aaaa")),
		"/commits/dddddd0/pulls": list(pull(11, "dddddd0aaaa", "", merged)),
		"/commits/ccccc11/pulls": list(pull(12, "ccccc11aaaa", "", merged)),
		"/pulls/12/reviews": list(
			as("OWNER", review("olga", "APPROVED", "ccccc11aaaa")), as("COLLABORATOR", review("col", "APPROVED", "ccccc11aaaa")),
			as("NONE", review("eve", "APPROVED", "ccccc11aaaa")), as("CONTRIBUTOR", review("con", "APPROVED", "ccccc11aaaa")),
			`{"user":{"login":"gil"},"state":"APPROVED","commit_id":"ccccc11aaaa","official":true}`, `{"user":{"login":"gus"},"state":"APPROVED","commit_id":"ccccc11aaaa","official":false}`),
		"/commits/bbbbb22/pulls": list(pull(13, "bbbbb22aaaa", "", merged), strings.Replace(pull(14, "bbbbb22aaaa", "", merged), "main", "side", 1)),
		"/commits/bbbbb33/pulls": list(strings.Replace(pull(15, "bbbbb33aaaa", "", merged), "main", "side", 1)),
		"/commits/bbbbb44/pulls": list(pull(16, "", "bbbbb44", merged)),
		"/pulls/16/reviews":      list(review("bob", "APPROVED", "")),
		"/pulls/11/reviews":      list(review("eve", "APPROVED", "cccccc0"), review("bob", "DISMISSED", "dddddd0aaaa")),
	}
	path, _ := strings.CutPrefix(q.URL.Path, "/repos/o/r")
	body, there := answers[path]
	switch {
	case q.Header.Get("Authorization") != "Bearer c1-t0ken":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"message":"Bad credentials\u001b[2J"}`)
	case strings.Contains(path, "abcdef0/check-runs"):
		_, _ = io.WriteString(w, `{"total_count":250,"check_runs":[]}`)
	case strings.Contains(path, "abcdef0/status"):
		_, _ = io.WriteString(w, `{"sha":"abcdef0","total_count":0,"statuses":[]}`)
	case strings.Contains(path, "abcdef1/check-runs"):
		_, _ = io.WriteString(w, `{"total_count":250,"check_runs":[`+run("test", "completed", `"success"`, "abcdef1")+","+run("red", "completed", `"failure"`, "abcdef1")+`]}`)
	case strings.Contains(path, "abcdef1/status"):
		_, _ = io.WriteString(w, `{"sha":"abcdef1","total_count":0,"statuses":[]}`)
	case !there:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"message":"No commit found for SHA"}`)
	default:
		_, _ = io.WriteString(w, body)
	}
}

func TestCI(t *testing.T) {
	t.Parallel()
	base := serve(t, forge) + "/repos/o/r"
	w := world(t, map[string]map[string]string{"secrets": {"token": "c1-t0ken", "old": "0ld-t0ken"}})
	ran := func(names ...string) check.CI { return check.CI{Commit: bad, Checks: names} }
	for name, c := range map[string]struct {
		check   check.CI
		verdict steps.Verdict
		reason  string
	}{
		"green and reviewed":       {check.CI{Commit: good, Checks: []string{"test", "lint", "deploy/preview"}, Reviews: "1", Merged: true}, steps.Pass, ""},
		"no such commit":           {check.CI{Commit: "9c1e2ab", Checks: []string{"test"}}, steps.Unknown, "status 422, wanted 200: No commit found"},
		"too few":                  {check.CI{Commit: good, Reviews: "2"}, steps.Fail, "1 people approved pull request #7, wanted at least 2: its author's own does not count: one of an older state"},
		"red":                      {ran("red"), steps.Fail, "red ended with failure"},
		"skipped":                  {ran("skipped"), steps.Fail, "skipped ended with skipped"},
		"a broken status":          {ran("broken"), steps.Fail, "broken ended with error"},
		"red when it ran again":    {ran("again"), steps.Fail, "again ended with failure"},
		"of another commit":        {ran("other"), steps.Fail, "other has not run for this commit"},
		"missing":                  {ran("test"), steps.Fail, "test has not run for this commit"},
		"pending":                  {ran("runs"), steps.Unknown, "runs has not ended yet"},
		"a pending status":         {ran("waits"), steps.Unknown, "waits has not ended yet"},
		"pending and red":          {ran("runs", "red"), steps.Fail, "red ended with failure"},
		"not on the first page":    {check.CI{Commit: "abcdef0", Checks: []string{"test"}}, steps.Unknown, "not among the first 100"},
		"again on another page":    {check.CI{Commit: "abcdef1", Checks: []string{"test"}}, steps.Unknown, "more than the first 100 checks: whether test ended with success in all of them is not known"},
		"red on the first page":    {check.CI{Commit: "abcdef1", Checks: []string{"test", "red"}}, steps.Fail, "red ended with failure"},
		"not merged":               {check.CI{Commit: bad, Merged: true}, steps.Fail, "#8 is not merged"},
		"changes are wanted":       {check.CI{Commit: bad, Reviews: "1"}, steps.Fail, "bob wants changes"},
		"never asked for a review": {check.CI{Commit: "a10ee00", Reviews: "1"}, steps.Fail, "no pull request has this commit"},
		"it went on":               {check.CI{Commit: "ffffff0", Merged: true}, steps.Unknown, "went on after this commit"},
		"only its author":          {check.CI{Commit: "eeeeee0", Reviews: "1"}, steps.Fail, "0 people approved pull request #10, wanted at least 1: its author's own"},
		"older or taken back":      {check.CI{Commit: "dddddd0", Reviews: "1"}, steps.Fail, "0 people approved pull request #11, wanted at least 1: one of an older state"},
		"owner, collaborator":      {check.CI{Commit: "ccccc11", Reviews: "3"}, steps.Pass, ""},
		"strangers":                {check.CI{Commit: "ccccc11", Reviews: "4"}, steps.Fail, "3 people approved pull request #12, wanted at least 4: a stranger's does not count"},
		"of no commit":             {check.CI{Commit: "bbbbb44", Reviews: "1"}, steps.Fail, "0 people approved"},
		"to main":                  {check.CI{Commit: "bbbbb22", Base: "main"}, steps.Pass, ""},
		"to another branch":        {check.CI{Commit: "bbbbb33", Base: "main", Merged: true}, steps.Fail, "#15 goes to side, wanted main"},
		"a bad token":              {check.CI{Commit: good, Merged: true, Token: "old"}, steps.Unknown, "status 401, wanted 200: Bad credentials"},
		"a token nobody has":       {check.CI{Commit: good, Merged: true, Token: "none"}, steps.Unknown, "secret not available"},
		"a branch":                 {check.CI{Commit: "main", Merged: true}, steps.Unknown, "a branch moves"},
		"nothing to look for":      {check.CI{Commit: good}, steps.Unknown, "want at least one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check.URL = base
			if c.check.Token == "" {
				c.check.Token = "token"
			}
			r := do(t, &c.check, w)
			want(t, r, c.verdict, c.reason)
			never(t, r, "c1-t0ken", "0ld-t0ken", "\x1b")
		})
	}
}

func TestCIWithoutItsForge(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	c := &check.CI{URL: "http://" + closedPort(t), Commit: good, Merged: true}
	want(t, do(t, c, w), steps.Unknown, "connection refused")
	c.URL = serve(t, api) + "/html?"
	want(t, do(t, c, w), steps.Unknown, "wanted")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.URL = "http://" + silent(t)
	want(t, c.Do(ctx, w), steps.Unknown, "interrupted")
}
