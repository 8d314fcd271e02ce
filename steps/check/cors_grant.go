package check

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"runbook/steps"
)

// grant is what a service says of one origin, to a preflight and to a GET.
type grant struct{ preflight, get *answer }

const (
	allowOrigin      = "Access-Control-Allow-Origin"
	allowCredentials = "Access-Control-Allow-Credentials"
	allowMethods     = "Access-Control-Allow-Methods"
)

// show is a line of the table: what an origin was answered.
func (g grant) show(r *steps.Result, origin, limit string) {
	said := func(got *answer) string {
		values := got.header.Values(allowOrigin)
		text := "no"
		if len(values) > 0 {
			text = strings.Join(values, " and ")
		}
		if got.header.Get(allowCredentials) == "true" {
			text += " with credentials"
		}
		return text
	}
	r.Saw(outside(origin), outside("preflight "+said(g.preflight)+", GET "+said(g.get)), limit, "")
}

// failed is the status of an answer that the service did not get to decide on; 0
// if it decided.
func (g grant) failed() int {
	if status := max(g.preflight.status, g.get.status); status >= http.StatusInternalServerError {
		return status
	}
	return 0
}

// withheld says what an origin that must be allowed is not granted; empty if
// it has all.
func (c *CORS) withheld(origin string, g grant) string {
	answers := map[string]*answer{"preflight": g.preflight}
	if c.method() == http.MethodGet {
		answers["GET"] = g.get
	}
	if status := g.preflight.status; status < 200 || status > 299 {
		return fmt.Sprintf("%s is not granted: its preflight got status %d", outside(origin), status)
	}
	for _, name := range sortedKeys(answers) {
		values := answers[name].header.Values(allowOrigin)
		switch {
		case len(values) != 1 || values[0] != origin:
			return fmt.Sprintf("%s is not granted by its name: %s to its %s", outside(origin), shownOrigins(values), name)
		case c.Credentials && answers[name].header.Get(allowCredentials) != "true":
			return fmt.Sprintf("%s is granted without credentials", outside(origin))
		}
	}
	if methods := g.preflight.header.Values(allowMethods); !grantsMethod(methods, c.method(), c.Credentials) {
		return fmt.Sprintf("%s may not use %s: %s is %s", outside(origin), c.method(), allowMethods, outside(strings.Join(methods, ", ")))
	}
	return ""
}

func shownOrigins(values []string) string {
	if len(values) == 0 {
		return "no " + allowOrigin
	}
	return allowOrigin + " " + outside(strings.Join(values, " and "))
}

// grantsMethod reports that a preflight grants a method; the simple ones need
// no word.
func grantsMethod(values []string, method string, credentials bool) bool {
	if method == http.MethodGet || method == http.MethodHead || method == http.MethodPost {
		return true
	}
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if name := strings.TrimSpace(part); name == method || name == "*" && !credentials {
			return true
		}
	}
	return false
}

// given says what an origin that must be refused is granted; empty if nothing.
func (g grant) given(origin string) string {
	for _, got := range []*answer{g.preflight, g.get} {
		for _, value := range got.header.Values(allowOrigin) {
			who := outside(origin)
			switch value {
			case origin:
			case "*":
				who = "everybody (*)"
			default:
				continue
			}
			if got.header.Get(allowCredentials) == "true" {
				who += ", with credentials,"
			}
			return who + " is granted, wanted refused"
		}
	}
	return ""
}

// caching is whether the answers to a GET depend on the origin, and say so.
type caching struct {
	said   []string
	silent bool
}

func (c *caching) add(g grant) {
	said := strings.Join(g.get.header.Values(allowOrigin), " ")
	if !slices.Contains(c.said, said) {
		c.said = append(c.said, said)
	}
	vary := strings.ToLower(strings.Join(g.get.header.Values("Vary"), ","))
	named := slices.ContainsFunc(strings.Split(vary, ","), func(name string) bool { return strings.TrimSpace(name) == "origin" || strings.TrimSpace(name) == "*" })
	if said != "" && !named {
		c.silent = true
	}
}

func (c *CORS) judgeVary(r *steps.Result, varies caching) {
	depends := len(varies.said) > 1
	r.Saw("Vary: Origin", yesNo(!varies.silent), map[bool]string{true: "yes", false: "not needed"}[depends], "")
	if depends && varies.silent {
		r.Worsen(steps.Warn, "the answer depends on the origin, and Vary does not say so: a cache may hand it to another site")
	}
}
