package check_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

const page = `# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{status="200",path="/"} 990
http_requests_total{status="500",path="/"} 7
http_requests_total{status="500",path="/a"} 3
# TYPE quiet_total counter
quiet_total 0
# TYPE odd gauge
odd NaN
# TYPE endless gauge
endless +Inf
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1"} 4
wait_seconds_bucket{le="+Inf"} 5
wait_seconds_sum 6
wait_seconds_count 5
`

func TestMetrics(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/metrics":
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(w, page)
		case "/big":
			_, _ = io.WriteString(w, strings.Repeat("x_total 1\n", 1<<20))
		case "/slow":
			<-q.Context().Done()
		default:
			api(w, q)
		}
	})
	at := base + "/metrics"
	errorsOf := map[string]string{"status": "500"}
	for name, c := range map[string]struct {
		check   check.Metrics
		verdict steps.Verdict
		reason  string
	}{
		"exists":           {check.Metrics{URL: at, Exists: []string{"http_requests_total", "wait_seconds"}}, steps.Pass, ""},
		"missing":          {check.Metrics{URL: at, Exists: []string{"process_cpu"}}, steps.Fail, "process_cpu is missing"},
		"within":           {check.Metrics{URL: at, Family: "http_requests_total", Labels: errorsOf, Max: "10"}, steps.Pass, ""},
		"above":            {check.Metrics{URL: at, Family: "http_requests_total", Labels: errorsOf, Max: "9"}, steps.Fail, "is 10, wanted at most 9"},
		"below":            {check.Metrics{URL: at, Family: "wait_seconds", Min: "6"}, steps.Fail, "is 5, wanted at least 6"},
		"share":            {check.Metrics{URL: at, Family: "http_requests_total", Labels: errorsOf, Over: "http_requests_total", Max: "1"}, steps.Pass, ""},
		"too large share":  {check.Metrics{URL: at, Family: "http_requests_total", Labels: errorsOf, Over: "http_requests_total", Max: "0.1"}, steps.Fail, "is 1%, wanted at most 0.1"},
		"share by pattern": {check.Metrics{URL: at, Family: "http_requests_total", Labels: map[string]string{"status": "~5.."}, Over: "http_requests_total", Max: "0.9"}, steps.Fail, "is 1%, wanted at most 0.9"},
		"whole pattern":    {check.Metrics{URL: at, Family: "http_requests_total", Labels: map[string]string{"status": "~5|0"}, Over: "http_requests_total", Max: "0"}, steps.Pass, ""},
		"not happened":     {check.Metrics{URL: at, Family: "http_requests_total", Labels: map[string]string{"status": "503"}, Over: "http_requests_total", Max: "0"}, steps.Pass, ""},
		"no such label":    {check.Metrics{URL: at, Family: "http_requests_total", Labels: map[string]string{"code": "500"}, Over: "http_requests_total", Max: "0"}, steps.Unknown, "no sample of http_requests_total has a label code"},
		"no such whole":    {check.Metrics{URL: at, Family: "http_requests_total", Over: "http_requests_total", OverLabels: map[string]string{"status": "418"}, Max: "1"}, steps.Unknown, "no sample"},
		"no pattern":       {check.Metrics{URL: at, Family: "http_requests_total", Labels: map[string]string{"status": "~5("}, Max: "1"}, steps.Unknown, "labels.status"},
		"share of nothing": {check.Metrics{URL: at, Family: "http_requests_total", Over: "quiet_total", Max: "1"}, steps.Unknown, "nothing to take a share of"},
		"absent":           {check.Metrics{URL: at, Family: "none", Max: "1"}, steps.Unknown, "there is no none"},
		"no such sample":   {check.Metrics{URL: at, Family: "http_requests_total", Labels: map[string]string{"status": "418"}, Max: "1"}, steps.Unknown, "no sample"},
		"limit of nothing": {check.Metrics{URL: at, Family: "wait_seconds", Max: "NaN"}, steps.Unknown, `max: "NaN" is not a number`},
		"endless limit":    {check.Metrics{URL: at, Family: "wait_seconds", Max: "inf"}, steps.Unknown, `max: "inf" is not a number`},
		"share of endless": {check.Metrics{URL: at, Family: "http_requests_total", Over: "endless", Max: "1"}, steps.Unknown, "endless is not a number"},
		"not a number":     {check.Metrics{URL: at, Family: "odd", Max: "1"}, steps.Unknown, "not a number"},
		"html":             {check.Metrics{URL: base + "/html", Exists: []string{"x"}}, steps.Fail, "wanted metrics, got text/html"},
		"json":             {check.Metrics{URL: base + "/health", Exists: []string{"x"}}, steps.Fail, "got application/json"},
		"not found":        {check.Metrics{URL: base + "/none", Exists: []string{"x"}}, steps.Fail, "status 404"},
		"big":              {check.Metrics{URL: base + "/big", Exists: []string{"x"}}, steps.Unknown, "over 1 MiB"},
		"silent":           {check.Metrics{URL: base + "/slow", Exists: []string{"x"}, Timeout: short(80 * time.Millisecond)}, steps.Fail, "no answer within 80ms"},
		"redirect":         {check.Metrics{URL: base + "/away", Exists: []string{"x"}}, steps.Fail, "a redirect to https://elsewhere.example:443"},
		"refused":          {check.Metrics{URL: "http://" + closedPort(t), Exists: []string{"x"}}, steps.Fail, "connection refused"},
		"no limit":         {check.Metrics{URL: at, Family: "http_requests_total"}, steps.Unknown, "needs max or min"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, world(t, nil))
			want(t, r, c.verdict, c.reason)
			if c.verdict == steps.Pass && c.check.Family != "" && (r.Evidence[0].Label != c.check.Family || r.Evidence[0].Limit != "<= "+c.check.Max) {
				t.Errorf("the first evidence is %+v", r.Evidence[0])
			}
			never(t, r, "s3cr3t", "\x1b", "\u202e")
		})
	}
}
