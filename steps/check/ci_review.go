package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/steps"
)

type pull struct {
	Number int     `json:"number"`
	Page   string  `json:"html_url"`
	Merged *string `json:"merged_at"`
	Result string  `json:"merge_commit_sha"`
	Author account `json:"user"`
	Head   struct {
		SHA string `json:"sha"`
	} `json:"head"`
	Base struct {
		Ref string `json:"ref"`
	} `json:"base"`
}

type account struct {
	Login string `json:"login"`
}

type review struct {
	Author account `json:"user"`
	State  string  `json:"state"`
	Commit string  `json:"commit_id"`

	Association string `json:"author_association"`
	Official    bool   `json:"official"` // instead, at Gitea: who said it may approve
}

// stranger reports that who said it has no part in the repository: at a public
// forge anybody may approve.
func (r review) stranger() bool {
	return !r.Official && !slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, r.Association)
}

// review holds the pull request that brought the commit. Of several, one to the
// wanted branch counts, then one that is merged, then the newest.
func (f *forge) review(r *steps.Result) error {
	var pulls []pull
	if err := f.get("/commits/"+f.Commit+"/pulls", &pulls); err != nil {
		return err
	}
	if len(pulls) == 0 {
		r.Saw("pull request", "none", "one", "")
		r.Worsen(steps.Fail, "no pull request has this commit: nobody was asked to review it")
		return nil
	}
	slices.SortStableFunc(pulls, func(a, b pull) int {
		if f.Base != "" && (a.Base.Ref == f.Base) != (b.Base.Ref == f.Base) {
			return map[bool]int{true: -1, false: 1}[a.Base.Ref == f.Base]
		}
		if (a.Merged != nil) != (b.Merged != nil) {
			return map[bool]int{true: -1, false: 1}[a.Merged != nil]
		}
		return b.Number - a.Number
	})
	one := pulls[0]
	r.Saw("pull request", strings.TrimSpace(fmt.Sprintf("#%d %s", one.Number, withoutSecrets(one.Page))), "", "")
	r.Saw("author", outside(one.Author.Login), "", "")
	if f.Base != "" {
		r.Saw("goes to", outside(one.Base.Ref), f.Base, "")
		if one.Base.Ref != f.Base {
			r.Worsen(steps.Fail, "pull request #%d goes to %s, wanted %s", one.Number, orElse(outside(one.Base.Ref), "no branch that is named"), f.Base)
		}
	}
	if f.Merged {
		r.Saw("merged", yesNo(one.Merged != nil), "yes", "")
		if one.Merged == nil {
			r.Worsen(steps.Fail, "pull request #%d is not merged", one.Number)
		}
	}
	if !f.ours(one.Head.SHA) && !f.ours(one.Result) {
		r.Worsen(steps.Unknown, "pull request #%d went on after this commit: what was approved is another state", one.Number)
	}
	if f.Reviews == "" {
		return nil
	}
	return f.approvals(r, one)
}

// approvals counts people by what each said last; a comment takes nothing back.
func (f *forge) approvals(r *steps.Result, one pull) error {
	var all []review
	if err := f.get("/pulls/"+strconv.Itoa(one.Number)+"/reviews", &all); err != nil {
		return err
	}
	if len(all) >= perPage {
		return fmt.Errorf("pull request #%d has %d reviews or more: not all were read", one.Number, perPage)
	}
	last := map[string]review{}
	for _, said := range all {
		if said.State != "COMMENTED" && said.State != "PENDING" && said.Author.Login != "" {
			last[said.Author.Login] = said
		}
	}
	var approved []string
	others := map[string]string{}
	for login, said := range last {
		switch {
		case said.State == "CHANGES_REQUESTED":
			r.Worsen(steps.Fail, "%s wants changes in pull request #%d", outside(login), one.Number)
		case said.State != "APPROVED":
		case strings.EqualFold(login, one.Author.Login):
			others["its author"] = ": its author's own does not count"
		case said.Commit == "" || said.Commit != one.Head.SHA:
			others["older"] = ": one of an older state does not count"
		case said.stranger():
			others["stranger"] = ": a stranger's does not count"
		default:
			approved = append(approved, outside(login))
		}
	}
	slices.Sort(approved)
	wanted, err := strconv.Atoi(f.Reviews)
	if err != nil {
		return fmt.Errorf("reviews: %q is no number of people", f.Reviews)
	}
	r.Saw("approved by", orElse(strings.Join(approved, ", "), "nobody"), ">= "+f.Reviews, "people")
	if len(approved) < wanted {
		r.Worsen(steps.Fail, "%d people approved pull request #%d, wanted at least %d%s", len(approved), one.Number, wanted, others["its author"]+others["older"]+others["stranger"])
	}
	return nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
