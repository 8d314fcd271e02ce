package neighbours

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Commit is one that the repository knows: merged by a reviewed pull request,
// and built.
type Commit struct {
	SHA, Version string
	At           time.Time
	Pull         int // number of its pull request
}

// Checks are what the CI ran for every commit.
var Checks = []string{"test", "lint", "type-check", "security-scan", "performance", "image"}

// Forge serves the API of a repository, in GitHub's shape, to whoever has the
// token: commits, their check runs, statuses and pull requests, and the reviews
// of those. A commit may be named by its first digits.
func Forge(token string, commits ...Commit) http.Handler {
	f := forge{commits}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /commits/{sha}", f.of(f.commit))
	mux.HandleFunc("GET /commits/{sha}/check-runs", f.of(f.runs))
	mux.HandleFunc("GET /commits/{sha}/status", f.of(func(c Commit) any {
		return map[string]any{"sha": c.SHA, "state": "success", "total_count": 0, "statuses": []any{}}
	}))
	mux.HandleFunc("GET /commits/{sha}/pulls", f.of(func(c Commit) any { return []any{pull(c)} }))
	mux.HandleFunc("GET /pulls/{number}/reviews", f.reviews)
	return Knows(token, mux)
}

type forge struct{ commits []Commit }

// of answers for a commit, or with 422 as GitHub does for one it lacks.
func (f forge) of(show func(Commit) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sha := r.PathValue("sha")
		for _, c := range f.commits {
			if len(sha) >= 7 && strings.HasPrefix(c.SHA, sha) {
				answer(w, http.StatusOK, show(c))
				return
			}
		}
		answer(w, http.StatusUnprocessableEntity, map[string]string{"message": "No commit found for SHA: " + sha})
	}
}

func (f forge) commit(c Commit) any {
	return map[string]any{"sha": c.SHA, "commit": map[string]any{
		"message": "release " + c.Version, "author": map[string]any{"name": "ann", "date": c.At.UTC().Format(time.RFC3339)},
	}}
}

func (f forge) runs(c Commit) any {
	runs := []any{}
	for i, name := range Checks {
		runs = append(runs, map[string]any{
			"id": i + 1, "name": name, "head_sha": c.SHA, "status": "completed", "conclusion": "success", "completed_at": c.At.UTC().Format(time.RFC3339),
		})
	}
	return map[string]any{"total_count": len(runs), "check_runs": runs}
}

func pull(c Commit) any {
	return map[string]any{
		"number": c.Pull, "state": "closed", "title": "Release " + c.Version, "merged_at": c.At.UTC().Format(time.RFC3339), "merge_commit_sha": c.SHA,
		"user": map[string]string{"login": "ann"}, "head": map[string]string{"sha": c.SHA}, "base": map[string]string{"ref": "main"}, "html_url": "https://forge.example/pulls",
	}
}

func (f forge) reviews(w http.ResponseWriter, r *http.Request) {
	for _, c := range f.commits {
		if r.PathValue("number") == strconv.Itoa(c.Pull) {
			answer(w, http.StatusOK, []any{map[string]any{
				"id": c.Pull, "user": map[string]string{"login": "bob"}, "state": "APPROVED", "author_association": "MEMBER", "commit_id": c.SHA, "submitted_at": c.At.UTC().Format(time.RFC3339),
			}})
			return
		}
	}
	answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
}
