package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"runbook/steps"
)

// Metrics is check.metrics: one scrape of a service's metrics page.
//
//	check.metrics = { url = "${base_url}/metrics", exists = ["process_resident_memory_bytes"] }
//	check.metrics = { url = "${base_url}/metrics", family = "http_requests_total", labels = { code = "~5.." }, over = "http_requests_total", max = "0.1" }
//
//	url          http or https, without credentials
//	exists       families that must be there
//	family       the family to measure: the sum of its samples (of a histogram
//	             or a summary, their count)
//	labels       only samples with these labels; a value "~5.." is a regular
//	             expression that the whole label must match
//	over         measure 100 * family / over instead, in percent
//	over_labels  only samples of over with these labels
//	max, min     limits of what was measured, inclusive
//	timeout      default "10s"
//
// One scrape tells counters since the service began, not a rate. A service
// shows the series of a code only once that code has happened: with over, no
// sample with these labels counts as 0, if the family has such labels at all.
//
// pass: all exist, and the value is within its limits. fail: a family of
// exists is missing, the value is not within, the service refuses or is
// silent, or what came is no metrics page. unknown: a family to measure is
// absent or has no such sample, no sample has such a label, the value is no
// number, over is 0, or the page is longer than 1 MiB.
type Metrics struct {
	URL        string            `mapstructure:"url"`
	Exists     []string          `mapstructure:"exists"`
	Family     string            `mapstructure:"family"`
	Labels     map[string]string `mapstructure:"labels"`
	Over       string            `mapstructure:"over"`
	OverLabels map[string]string `mapstructure:"over_labels"`
	Max        string            `mapstructure:"max"`
	Min        string            `mapstructure:"min"`
	Timeout    steps.Duration    `mapstructure:"timeout"`
}

// Touches is false: it is one GET.
func (c *Metrics) Touches() bool { return false }

// Validate reports a bad url, nothing to look for, limits that are no numbers,
// and labels that are no regular expressions.
func (c *Metrics) Validate() error {
	if err := validURL(c.URL); err != nil {
		return err
	}
	switch {
	case c.Family == "" && len(c.Exists) == 0:
		return errors.New("family or exists: want at least one of them")
	case c.Family != "" && c.Max == "" && c.Min == "":
		return errors.New("family: needs max or min")
	case c.Family == "" && (c.Over != "" || c.Max != "" || c.Min != ""):
		return errors.New("over, max and min: need family")
	}
	for field, limit := range map[string]string{"max": c.Max, "min": c.Min} {
		if limit == "" || unfilled(limit) {
			continue
		}
		if _, err := finite(limit); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	for field, labels := range map[string]map[string]string{"labels": c.Labels, "over_labels": c.OverLabels} {
		for name, value := range labels {
			if pattern, ok := strings.CutPrefix(value, "~"); ok {
				if err := validPattern(field+"."+name, pattern); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Do scrapes once.
func (c *Metrics) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(withoutSecrets(c.URL), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		families, ok := c.scrape(whole, w, r)
		if !ok {
			return
		}
		r.Decide(steps.Pass, "")
		if c.Family != "" {
			c.hold(r, families)
		}
		for _, name := range c.Exists {
			there := families[name] != nil
			r.Saw(name, yesNo(there), "yes", "")
			if !there {
				r.Worsen(steps.Fail, "%s is missing, wanted it there", name)
			}
		}
		r.Saw("status", "200", "200", "") // nothing else comes this far
	})
}

// scrape reads the page as check.http does, and sets the result if there is
// none.
func (c *Metrics) scrape(whole context.Context, w *steps.World, r *steps.Result) (map[string]*dto.MetricFamily, bool) {
	page := Request{URL: c.URL, Timeout: c.Timeout, Headers: map[string]string{"Accept": string(expfmt.NewFormat(expfmt.TypeTextPlain))}}
	s := newSequence(w)
	defer s.transport.CloseIdleConnections()
	got := s.ask(whole, r, page)
	switch {
	case got == nil:
		return nil, false
	case got.status != http.StatusOK:
		r.Saw("status", strconv.Itoa(got.status), "200", "")
		r.Decide(steps.Fail, "status %d, wanted 200%s", got.status, redirected(got))
		return nil, false
	case got.more:
		r.Decide(steps.Unknown, "the page is over 1 MiB, it was not read to its end")
		return nil, false
	}
	// A parser's zero value panics for want of a validation scheme.
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(got.body))
	if err != nil || len(families) == 0 {
		r.Decide(steps.Fail, "wanted metrics, got %s%s", kindOf(got), s.sample(got))
		return nil, false
	}
	return families, true
}

// hold measures and holds the value against its limits.
func (c *Metrics) hold(r *steps.Result, families map[string]*dto.MetricFamily) {
	value, unit, err := c.value(families)
	if err == nil && (math.IsNaN(value) || math.IsInf(value, 0)) {
		err = fmt.Errorf("%s is not a number", c.Family)
	}
	if err != nil {
		r.Worsen(steps.Unknown, "%v", err)
		return
	}
	shown := strconv.FormatFloat(math.Round(value*1e6)/1e6, 'f', -1, 64)
	r.Saw(c.Family, shown, between(c.Min, c.Max), unit)
	if limit, err := finite(c.Max); c.Max != "" && (err != nil || value > limit) {
		r.Worsen(verdictOf(err), "%s is %s%s, wanted at most %s", c.Family, shown, unit, c.Max)
	}
	if limit, err := finite(c.Min); c.Min != "" && (err != nil || value < limit) {
		r.Worsen(verdictOf(err), "%s is %s%s, wanted at least %s", c.Family, shown, unit, c.Min)
	}
}

// value is the family's sum, or with over its share in percent.
func (c *Metrics) value(families map[string]*dto.MetricFamily) (value float64, unit string, err error) {
	value, err = sum(families, c.Family, c.Labels)
	if c.Over == "" {
		return value, "", err
	}
	if err != nil && !errors.Is(err, errNoSample) {
		return 0, "", err // errNoSample is a share of 0
	}
	whole, err := sum(families, c.Over, c.OverLabels)
	if err == nil && whole == 0 {
		err = fmt.Errorf("%s is 0: there is nothing to take a share of", c.Over)
	}
	return 100 * value / whole, "%", err
}

// errNoSample says that a family has samples and such labels, but not with
// these values.
var errNoSample = errors.New("no sample with these labels")

// sum adds the samples of a family that have the labels.
func sum(families map[string]*dto.MetricFamily, name string, labels map[string]string) (float64, error) {
	samples := families[name].GetMetric()
	if len(samples) == 0 {
		return 0, fmt.Errorf("there is no %s to measure", name)
	}
	wanted, err := matchers(labels)
	if err != nil {
		return 0, err
	}
	for label := range wanted {
		if !slices.ContainsFunc(samples, func(s *dto.Metric) bool { return labelled(s, label, nil) }) {
			return 0, fmt.Errorf("no sample of %s has a label %s", name, label)
		}
	}
	total, found := 0.0, false
	for _, sample := range samples {
		if hasLabels(sample, wanted) {
			total, found = total+valueOf(sample), true
		}
	}
	if !found {
		return 0, fmt.Errorf("%s has %w", name, errNoSample)
	}
	if math.IsNaN(total) || math.IsInf(total, 0) { // the share of an infinite whole would be 0
		return 0, fmt.Errorf("%s is not a number", name)
	}
	return total, nil
}

func valueOf(sample *dto.Metric) float64 {
	switch {
	case sample.Counter != nil:
		return sample.GetCounter().GetValue()
	case sample.Gauge != nil:
		return sample.GetGauge().GetValue()
	case sample.Histogram != nil:
		return float64(sample.GetHistogram().GetSampleCount())
	case sample.Summary != nil:
		return float64(sample.GetSummary().GetSampleCount())
	}
	return sample.GetUntyped().GetValue()
}

// matchers are what each label's whole value has to match.
func matchers(labels map[string]string) (map[string]*regexp.Regexp, error) {
	wanted := map[string]*regexp.Regexp{}
	for name, value := range labels {
		pattern, ok := strings.CutPrefix(value, "~")
		if !ok {
			pattern = regexp.QuoteMeta(value)
		}
		re, err := compile("labels."+name, `^(?:`+pattern+`)$`)
		if err != nil {
			return nil, err
		}
		wanted[name] = re
	}
	return wanted, nil
}

func hasLabels(sample *dto.Metric, wanted map[string]*regexp.Regexp) bool {
	for name, value := range wanted {
		if !labelled(sample, name, value) {
			return false
		}
	}
	return true
}

// labelled reports that a sample has a label, of any value if none is wanted.
func labelled(sample *dto.Metric, name string, wanted *regexp.Regexp) bool {
	return slices.ContainsFunc(sample.GetLabel(), func(l *dto.LabelPair) bool {
		return l.GetName() == name && (wanted == nil || wanted.MatchString(l.GetValue()))
	})
}
