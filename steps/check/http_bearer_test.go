package check_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

func TestHTTPBearer(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, q *http.Request) { // it repeats what it was sent
		if q.Header.Get("Authorization") != "Bearer t0ken/with+signs" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, "you said t0ken/with+signs")
	})
	sources := map[string]map[string]string{"secrets": {"ci_token": "t0ken/with+signs", "old_token": "t0ken/old"}}
	with := func(bearer string) *check.HTTP {
		return &check.HTTP{Request: check.Request{URL: base, Bearer: bearer, Contains: "welcome", Status: []int{200}}}
	}
	right := with("ci_token")
	right.Contains = "you said"
	want(t, do(t, right, world(t, sources)), steps.Pass, "")
	for bearer, reason := range map[string]string{"ci_token": `"welcome" not found`, "old_token": "status 401"} {
		r := do(t, with(bearer), world(t, sources))
		want(t, r, steps.Fail, reason)
		never(t, r, "t0ken")
	}
	want(t, do(t, with("no_token"), world(t, sources)), steps.Unknown, "secret not available")
	w := world(t, sources)
	w.Secret = nil
	want(t, do(t, right, w), steps.Unknown, "secret not available")
	both := with("ci_token")
	both.Headers = map[string]string{"authorization": "Basic x"}
	want(t, do(t, both, world(t, sources)), steps.Unknown, "at most one of them")
}

// A redirect leads a secret nowhere else.
func TestHTTPBearerStaysAtItsOrigin(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the secret's request went elsewhere") })
	base := serve(t, func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, elsewhere, http.StatusTemporaryRedirect)
	})
	w := world(t, map[string]map[string]string{"secrets": {"ci_token": "t0ken"}})
	want(t, do(t, &check.HTTP{Request: check.Request{URL: base, Bearer: "ci_token", Follow: true}}, w), steps.Fail, "status 307")
}

func TestHTTPSecretVars(t *testing.T) {
	t.Parallel()
	c := &check.HTTP{Steps: []check.Request{{URL: "x", Bearer: "a"}, {URL: "y"}}, Cleanup: []check.Request{{URL: "z", Bearer: "b"}}}
	if got := check.SecretVars(c); !slices.Equal(got, []check.SecretVar{{Field: "steps[0].bearer", Name: "a"}, {Field: "cleanup[0].bearer", Name: "b"}}) {
		t.Errorf("http names %q", got)
	}
}

func TestHTTPNotMatch(t *testing.T) {
	t.Parallel()
	base := serve(t, api)
	with := func(path, pattern string) check.HTTP {
		return check.HTTP{Request: check.Request{URL: base + path, NotMatch: pattern}}
	}
	for name, c := range map[string]struct {
		check   check.HTTP
		verdict steps.Verdict
		reason  string
	}{
		"absent":       {with("/health", `(?i)stack trace`), steps.Pass, ""},
		"there":        {with("/health", `s3cr3t-\w+`), steps.Fail, "wanted no match"},
		"beyond 1 MiB": {with("/big", `xlast`), steps.Unknown, "in the first 1 MiB"},
		"found early":  {with("/big", `^first`), steps.Fail, "wanted no match"},
		"no pattern":   {with("/health", `(`), steps.Unknown, "not_match"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, world(t, nil))
			want(t, r, c.verdict, c.reason)
			never(t, r, "s3cr3t-token")
		})
	}
}

func TestHTTPBearerInterrupted(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Secret = func(ctx context.Context, _ string) (steps.Secret, error) { return steps.Secret{}, ctx.Err() }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, (&check.HTTP{Request: check.Request{URL: "http://127.0.0.1:1", Bearer: "x"}}).Do(ctx, w), steps.Unknown, "canceled")
}
