package check_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// answers is what a Prometheus says to each query, in its own words.
var answers = map[string]struct {
	status int
	body   string
}{
	"vector":    {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"cpu","instance":"a"},"value":[1763779200.781,"41.5"]},{"metric":{"__name__":"cpu","instance":"b"},"value":[1763779200.781,"79"]}]}}`},
	"scalar":    {200, `{"status":"success","data":{"resultType":"scalar","result":[1763779200.781,"2"]}}`},
	"empty":     {200, `{"status":"success","data":{"resultType":"vector","result":[]}}`},
	"nan":       {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1763779200.781,"NaN"]}]}}`},
	"inf":       {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1763779200.781,"+Inf"]}]}}`},
	"matrix":    {200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1763779200.781,"1"]]}]}}`},
	"string":    {200, `{"status":"success","data":{"resultType":"string","result":[1763779200.781,"ok"]}}`},
	"histogram": {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1763779200.781,{"count":"3","sum":"1"}]}]}}`},
	"warned":    {200, `{"status":"success","warnings":["store b is not reached"],"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}`},
	"partial":   {200, `{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}`},
	"wrong(":    {400, `{"status":"error","errorType":"bad_data","error":"1:7: parse error: unclosed left parenthesis\u001b[2J"}`},
	"busy":      {503, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`},
	"html":      {200, `<html>sign in</html>`},
	"gateway":   {502, `<html>bad gateway</html>`},
}

// prometheus answers as one does, to those who have its token.
func prometheus(w http.ResponseWriter, q *http.Request) {
	query := q.URL.Query().Get("query")
	switch {
	case q.Method != http.MethodGet || q.URL.Path != "/prom/api/v1/query":
		http.NotFound(w, q)
	case query == "slow":
		<-q.Context().Done()
	case query == "secret" && q.Header.Get("Authorization") == "Bearer pr0m-t0ken":
		_, _ = io.WriteString(w, `{"status":"error","error":"you sent Bearer pr0m-t0ken"}`)
	case query == "secret":
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
	case query == "big":
		_, _ = io.WriteString(w, `{"status":"success","x":"`+strings.Repeat("x", 2<<20)+`"}`)
	default:
		a := answers[query]
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}
}

func TestPromQL(t *testing.T) {
	t.Parallel()
	base := serve(t, prometheus) + "/prom/"
	w := world(t, map[string]map[string]string{"secrets": {"token": "pr0m-t0ken"}})
	for name, c := range map[string]struct {
		check   check.PromQL
		verdict steps.Verdict
		reason  string
	}{
		"every value holds":     {check.PromQL{Query: "vector", Max: "80", Min: "0"}, steps.Pass, ""},
		"one does not":          {check.PromQL{Query: "vector", Max: "60"}, steps.Fail, `cpu{instance="b"} is 79, wanted at most 60`},
		"both do not":           {check.PromQL{Query: "vector", Max: "40"}, steps.Fail, `cpu{instance="b"} is 79`},
		"one is too small":      {check.PromQL{Query: "vector", Min: "50"}, steps.Fail, `cpu{instance="a"} is 41.5, wanted at least 50`},
		"at the limit":          {check.PromQL{Query: "vector", Max: "79", Min: "41.5", Samples: "2"}, steps.Pass, ""},
		"a scalar":              {check.PromQL{Query: "scalar", Max: "2"}, steps.Pass, ""},
		"a scalar too large":    {check.PromQL{Query: "scalar", Max: "1"}, steps.Fail, "scalar is 2"},
		"too few":               {check.PromQL{Query: "vector", Max: "80", Samples: "3"}, steps.Unknown, "2 series, wanted at least 3"},
		"too few, and too much": {check.PromQL{Query: "vector", Max: "1", Samples: "3"}, steps.Fail, "wanted at most 1"},
		"empty":                 {check.PromQL{Query: "empty", Max: "80"}, steps.Unknown, "0 series, wanted at least 1"},
		"no number":             {check.PromQL{Query: "nan", Max: "80"}, steps.Unknown, "NaN, which is no number"},
		"no end":                {check.PromQL{Query: "inf", Max: "80"}, steps.Unknown, "no number"},
		"over time":             {check.PromQL{Query: "matrix", Max: "80"}, steps.Unknown, "answers a matrix"},
		"a text":                {check.PromQL{Query: "string", Max: "80"}, steps.Unknown, "answers a string"},
		"histograms":            {check.PromQL{Query: "histogram", Max: "80"}, steps.Unknown, "has no value"},
		"not whole":             {check.PromQL{Query: "warned", Max: "80"}, steps.Unknown, "store b is not reached"},
		"not all nodes":         {check.PromQL{Query: "partial", Max: "80"}, steps.Unknown, "not whole"},
		"wrong":                 {check.PromQL{Query: "wrong(", Max: "80"}, steps.Unknown, "refuses the query: 1:7: parse error"},
		"busy":                  {check.PromQL{Query: "busy", Max: "80"}, steps.Unknown, "timed out"},
		"a page":                {check.PromQL{Query: "html", Max: "80"}, steps.Unknown, "wanted an answer of Prometheus"},
		"a gateway":             {check.PromQL{Query: "gateway", Max: "80"}, steps.Unknown, "status 502"},
		"too long":              {check.PromQL{Query: "big", Max: "80"}, steps.Unknown, "over 1 MiB"},
		"silent":                {check.PromQL{Query: "slow", Max: "80", Timeout: short(80 * time.Millisecond)}, steps.Unknown, "no answer within 80ms"},
		"without its token":     {check.PromQL{Query: "secret", Max: "80"}, steps.Unknown, "status 401"},
		"an echoed token":       {check.PromQL{Query: "secret", Max: "80", Token: "token"}, steps.Unknown, "you sent Bearer"},
		"no such token":         {check.PromQL{Query: "secret", Max: "80", Token: "other"}, steps.Unknown, "secret not available"},
		"no query":              {check.PromQL{Max: "80"}, steps.Unknown, "query: missing"},
		"no limit":              {check.PromQL{Query: "vector"}, steps.Unknown, "want at least one"},
		"a limit of nothing":    {check.PromQL{Query: "vector", Max: "NaN"}, steps.Unknown, `max: "NaN" is not a number`},
		"an endless limit":      {check.PromQL{Query: "vector", Min: "-Inf"}, steps.Unknown, `min: "-Inf" is not a number`},
		"samples of nothing":    {check.PromQL{Query: "empty", Max: "80", Samples: "nan"}, steps.Unknown, `samples: "nan" is not a number`},
		"a limit of words":      {check.PromQL{Query: "vector", Max: "many"}, steps.Unknown, "not a number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check.URL = base
			r := do(t, &c.check, w)
			want(t, r, c.verdict, c.reason)
			never(t, r, "pr0m-t0ken", "\x1b")
		})
	}
	worst := do(t, &check.PromQL{URL: base, Query: "vector", Max: "60"}, w).Evidence[0]
	if worst.Label != `cpu{instance="b"}` || worst.Value != "79" || worst.Limit != "<= 60" {
		t.Errorf("the first evidence is %+v, want the worst value", worst)
	}
}

// Prometheus is asked about something else: it being down says nothing of that.
func TestPromQLWithoutPrometheus(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	c := &check.PromQL{URL: "http://" + closedPort(t), Query: "vector", Max: "80"}
	want(t, do(t, c, w), steps.Unknown, "connection refused")
	c.URL = "http://169.254.169.254"
	want(t, do(t, c, w), steps.Unknown, "metadata")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.URL = "http://" + silent(t)
	want(t, c.Do(ctx, w), steps.Unknown, "interrupted")
}
