package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"runbook/steps"
)

// PromQL is check.promql: one instant query of a Prometheus, and what each of
// its values must be.
//
//	check.promql = { url = "${prometheus_url}", query = '100 * sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))', max = "0.1" }
//
//	url       of the server, to which /api/v1/query is added
//	query     PromQL whose answer is a vector or a scalar
//	max, min  limits of every value, inclusive
//	samples   series that must be there at least; default "1"
//	token     a secret var of the book, sent as a bearer token
//	timeout   default "10s"
//
// The server is asked about something else: if it is down, nothing is known of
// that.
//
// pass: every value is within its limits. fail: one is not. unknown: the server
// is not reached, refuses the query or the token, or warns that its answer is
// not whole; there are fewer series than samples; a value is no number; or the
// answer is a matrix, a text or histograms.
type PromQL struct {
	URL     string         `mapstructure:"url"`
	Query   string         `mapstructure:"query"`
	Max     string         `mapstructure:"max"`
	Min     string         `mapstructure:"min"`
	Samples string         `mapstructure:"samples"`
	Token   string         `mapstructure:"token"`
	Timeout steps.Duration `mapstructure:"timeout"`
}

// shownSeries bounds the evidence.
const shownSeries = 8

// Touches is false: it is one GET.
func (c *PromQL) Touches() bool { return false }

// SecretVars is its token.
func (c *PromQL) SecretVars() []SecretVar { return []SecretVar{{"token", c.Token}} }

// Validate reports a bad url, no query, and limits that are no numbers.
func (c *PromQL) Validate() error {
	if err := validURL(c.URL); err != nil {
		return err
	}
	switch {
	case c.Query == "":
		return errors.New("query: missing")
	case c.Max == "" && c.Min == "":
		return errors.New("max and min: want at least one of them")
	}
	for field, limit := range map[string]string{"max": c.Max, "min": c.Min, "samples": c.Samples} {
		if limit == "" || unfilled(limit) {
			continue
		}
		if _, err := finite(limit); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

// Do asks once.
func (c *PromQL) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(withoutSecrets(c.URL), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		series, err := c.ask(whole, w)
		if err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		c.judge(r, series)
	})
}

// series is one value of an answer, and what it is a value of.
type series struct {
	name  string
	value float64
}

// ask makes the query. The error says what is not known, in words for people.
func (c *PromQL) ask(whole context.Context, w *steps.World) ([]series, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("the url cannot be read")
	}
	u = u.JoinPath("api/v1/query")
	u.RawQuery = url.Values{"query": {c.Query}}.Encode()
	got, err := look(whole, w, Request{URL: u.String(), Bearer: c.Token, Timeout: c.Timeout})
	if err != nil {
		return nil, err
	}
	var said struct {
		Status   string   `json:"status"`
		Error    string   `json:"error"`
		Warnings []string `json:"warnings"`
		Partial  bool     `json:"isPartial"` // as VictoriaMetrics says it
		Data     struct {
			Type   string          `json:"resultType"`
			Result json.RawMessage `json:"result"`
		} `json:"data"`
	}
	switch err := json.Unmarshal(got.body, &said); {
	case got.more:
		return nil, errTooLarge
	case err == nil && said.Status == "error":
		return nil, fmt.Errorf("the server refuses the query: %s", outside(said.Error))
	case got.status != 200:
		return nil, fmt.Errorf("status %d, wanted 200%s", got.status, redirected(got))
	case err != nil || said.Status != "success":
		return nil, fmt.Errorf("wanted an answer of Prometheus, got %s", kindOf(got))
	case said.Partial:
		return nil, errors.New("the answer is not whole: not all of its storage was reached")
	case len(said.Warnings) > 0:
		return nil, fmt.Errorf("the answer may not be whole, the server warns: %s", outside(said.Warnings[0]))
	}
	return readSeries(said.Data.Type, said.Data.Result)
}

// look makes one request of a source that is not what is judged: what keeps it
// from answering is an error in words for people. The body comes without the
// secrets that were sent.
func look(whole context.Context, w *steps.World, q Request) (*answer, error) {
	s := newSequence(w)
	defer s.transport.CloseIdleConnections()
	var none steps.Result
	got := s.ask(whole, &none, q)
	if got == nil {
		return nil, errors.New(none.Reason)
	}
	got.body = []byte(redact(string(got.body), s.secrets))
	return got, nil
}

// readSeries reads the two kinds of answer that have a value now.
func readSeries(kind string, result json.RawMessage) ([]series, error) {
	switch kind {
	case "scalar":
		value, err := sampleOf(result)
		return []series{{"scalar", value}}, err
	case "vector":
		var vector []struct {
			Metric map[string]string `json:"metric"`
			Value  json.RawMessage   `json:"value"`
		}
		if err := json.Unmarshal(result, &vector); err != nil {
			return nil, errors.New("the answer's vector can't be read")
		}
		all := make([]series, len(vector))
		for i, one := range vector {
			value, err := sampleOf(one.Value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", labels(one.Metric), err)
			}
			all[i] = series{labels(one.Metric), value}
		}
		return all, nil
	}
	return nil, fmt.Errorf("the query answers a %s, wanted a vector or a scalar", outside(kind))
}

// sampleOf reads [time, "value"].
func sampleOf(raw json.RawMessage) (float64, error) {
	var pair []any
	if len(raw) == 0 || json.Unmarshal(raw, &pair) != nil || len(pair) != 2 {
		return 0, errors.New("it has no value, as histograms have none")
	}
	text, _ := pair[1].(string)
	value, err := finite(text)
	if err != nil {
		return 0, fmt.Errorf("its value is %s, which is no number to judge", outside(text))
	}
	return value, nil
}

// labels is a series as PromQL writes it.
func labels(metric map[string]string) string {
	var pairs []string
	for _, name := range sortedKeys(metric) {
		if name != "__name__" {
			pairs = append(pairs, fmt.Sprintf("%s=%q", name, metric[name]))
		}
	}
	return outside(metric["__name__"] + "{" + strings.Join(pairs, ", ") + "}")
}

// judge holds every value against its limits, the worst first.
func (c *PromQL) judge(r *steps.Result, all []series) {
	wanted, err := number(c.Samples, "1")
	if err != nil {
		r.Decide(steps.Unknown, "samples: %v", err)
		return
	}
	slices.SortStableFunc(all, func(a, b series) int {
		switch {
		case a.value == b.value:
			return 0
		case (a.value > b.value) == (c.Max != ""):
			return -1
		}
		return 1
	})
	r.Decide(steps.Pass, "")
	for i, one := range all {
		shown := strconv.FormatFloat(math.Round(one.value*1e6)/1e6, 'f', -1, 64)
		if i < shownSeries {
			r.Saw(one.name, shown, between(c.Min, c.Max), "")
		}
		if most, err := finite(c.Max); c.Max != "" && (err != nil || one.value > most) {
			r.Worsen(verdictOf(err), "%s is %s, wanted at most %s", one.name, shown, c.Max)
		}
		if least, err := finite(c.Min); c.Min != "" && (err != nil || one.value < least) {
			r.Worsen(verdictOf(err), "%s is %s, wanted at least %s", one.name, shown, c.Min)
		}
	}
	r.Saw("series", strconv.Itoa(len(all)), fmt.Sprintf(">= %g", wanted), "")
	if float64(len(all)) < wanted {
		r.Worsen(steps.Unknown, "%d series, wanted at least %g: what is missing was not measured", len(all), wanted)
	}
}
