package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"runbook/steps"
)

// CI is check.ci: what a code forge says of exactly one commit, over the API of
// GitHub (as Gitea and GitHub Enterprise have it too).
//
//	check.ci = { url = "${repository_url}", commit = "${commit}", token = "ci_token", checks = ["test", "security-scan"], reviews = "1", base = "main", merged = true }
//
//	url      of the repository's API: https://api.github.com/repos/OWNER/NAME
//	commit   its hash, at least 7 digits of it
//	token    a secret var of the book, sent as a bearer token
//	checks   names of check runs or commit statuses that must have succeeded
//	reviews  people who approved the commit's pull request as it is now: its
//	         author does not count, nor who approved an older state of it, nor a
//	         stranger: owner, member or collaborator are who may approve
//	base     the branch that the pull request must go to
//	merged   true: the pull request is merged
//	timeout  for each request; default "10s"
//
// pass: all that is given holds. fail: a check failed, was skipped or is not
// there, no pull request has the commit, it goes to another branch, somebody
// wants changes, or there are too few approvals. unknown: the forge is not reached, does not know the
// commit or refuses the token, a check has not ended, or an answer is longer
// than one page of 100.
type CI struct {
	URL     string         `mapstructure:"url"`
	Commit  string         `mapstructure:"commit"`
	Token   string         `mapstructure:"token"`
	Checks  []string       `mapstructure:"checks"`
	Reviews string         `mapstructure:"reviews"`
	Base    string         `mapstructure:"base"`
	Merged  bool           `mapstructure:"merged"`
	Timeout steps.Duration `mapstructure:"timeout"`
}

// Touches is false: it only reads.
func (c *CI) Touches() bool { return false }

// SecretVars is its token.
func (c *CI) SecretVars() []SecretVar { return []SecretVar{{"token", c.Token}} }

var commitHash = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9a-f]{7,64}$`)
})

// Validate reports a bad url or commit, and nothing to look for.
func (c *CI) Validate() error {
	if err := validURL(c.URL); err != nil {
		return err
	}
	switch {
	case !unfilled(c.Commit) && !commitHash().MatchString(c.Commit):
		return fmt.Errorf("commit: %q is no hash of at least 7 digits: a branch moves", c.Commit)
	case len(c.Checks) == 0 && !c.pulled():
		return errors.New("checks, reviews, base or merged: want at least one of them")
	}
	if c.Reviews != "" && !unfilled(c.Reviews) {
		if n, err := strconv.Atoi(c.Reviews); err != nil || n < 1 {
			return fmt.Errorf("reviews: %q is no number of people", c.Reviews)
		}
	}
	return nil
}

// pulled reports that something is asked of the pull request.
func (c *CI) pulled() bool { return c.Reviews != "" || c.Base != "" || c.Merged }

// Do asks for the checks, then for the pull request and its reviews.
func (c *CI) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(withoutSecrets(c.URL), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		f := &forge{c, whole, w}
		r.Decide(steps.Pass, "")
		if len(c.Checks) > 0 {
			if err := f.checks(r); err != nil {
				r.Worsen(steps.Unknown, "%v", err)
			}
		}
		if c.pulled() {
			if err := f.review(r); err != nil {
				r.Worsen(steps.Unknown, "%v", err)
			}
		}
		r.Saw("commit", c.Commit, "", "")
	})
}

// forge is one execution.
type forge struct {
	*CI
	whole context.Context
	w     *steps.World
}

// perPage is the most that the API gives at once.
const perPage = 100

// get reads one answer, which must be of our commit where it names one.
func (f *forge) get(path string, into any) error {
	got, err := look(f.whole, f.w, Request{
		URL: strings.TrimSuffix(f.URL, "/") + path + "?per_page=" + strconv.Itoa(perPage), Bearer: f.Token, Timeout: f.Timeout,
		Headers: map[string]string{"Accept": "application/vnd.github+json"},
	})
	switch {
	case err != nil:
		return err
	case got.more:
		return errTooLarge
	case got.status != 200:
		var said struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(got.body, &said) // what is no JSON says nothing
		return fmt.Errorf("%s: status %d, wanted 200%s: %s", path, got.status, redirected(got), outside(said.Message))
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		return fmt.Errorf("%s: wanted an answer of the API, got %s", path, kindOf(got))
	}
	return nil
}

// ours reports that a hash is that of our commit, which may be given shorter.
func (f *forge) ours(hash string) bool { return hash != "" && strings.HasPrefix(hash, f.Commit) }

// checks holds the check runs and the statuses of the commit.
func (f *forge) checks(r *steps.Result) error {
	var runs struct {
		Total int `json:"total_count"`
		Runs  []struct {
			Name       string `json:"name"`
			Head       string `json:"head_sha"`
			Status     string `json:"status"`
			Conclusion string `json:"conclusion"`
		} `json:"check_runs"`
	}
	var combined struct {
		SHA      string `json:"sha"`
		Total    int    `json:"total_count"`
		Statuses []struct {
			Context string `json:"context"`
			State   string `json:"state"`
		} `json:"statuses"`
	}
	if err := f.get("/commits/"+f.Commit+"/check-runs", &runs); err != nil {
		return err
	}
	if err := f.get("/commits/"+f.Commit+"/status", &combined); err != nil {
		return err
	}
	ended := map[string][]string{} // what each check came to, "" if it still runs
	for _, run := range runs.Runs {
		if run.Status != "completed" {
			run.Conclusion = ""
		}
		if f.ours(run.Head) {
			ended[run.Name] = append(ended[run.Name], run.Conclusion)
		}
	}
	for _, status := range combined.Statuses {
		if status.State == "pending" {
			status.State = ""
		}
		if f.ours(combined.SHA) {
			ended[status.Context] = append(ended[status.Context], status.State)
		}
	}
	all := len(runs.Runs) >= runs.Total && len(combined.Statuses) >= combined.Total
	for _, name := range f.Checks {
		judgeRuns(r, name, ended[name], all)
	}
	return nil
}

// judgeRuns holds what one check came to; it may have run more than once.
func judgeRuns(r *steps.Result, name string, came []string, all bool) {
	shown := outside(name)
	switch {
	case len(came) == 0 && all:
		r.Saw(shown, "absent", "success", "")
		r.Worsen(steps.Fail, "%s has not run for this commit", shown)
	case len(came) == 0:
		r.Saw(shown, "absent", "success", "")
		r.Worsen(steps.Unknown, "%s is not among the first %d checks of the commit", shown, perPage)
	case !all:
		r.Worsen(steps.Unknown, "the commit has more than the first %d checks: whether %s ended with success in all of them is not known", perPage, shown)
	}
	for _, conclusion := range came {
		switch conclusion {
		case "success":
			r.Saw(shown, "success", "success", "")
		case "":
			r.Saw(shown, "not ended", "success", "")
			r.Worsen(steps.Unknown, "%s has not ended yet", shown)
		default:
			r.Saw(shown, outside(conclusion), "success", "")
			r.Worsen(steps.Fail, "%s ended with %s, wanted success", shown, outside(conclusion))
		}
	}
}
