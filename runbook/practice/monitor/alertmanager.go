package monitor

import (
	"encoding/json"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// route is where alerts with a label go; the first that fits takes them.
type route struct {
	label, value, receiver string
	wait                   time.Duration // before the first notification
}

// routing is the configuration: security at once, then by severity.
var routing = []route{
	{"team", "security", "security", 10 * time.Second},
	{"severity", "critical", "on-call", 10 * time.Second},
	{"severity", "warning", "development", 30 * time.Second},
	{"", "", "default", 30 * time.Second},
}

// Alertmanager takes the alerts of a Prometheus, and those of others.
type Alertmanager struct {
	store *Store

	mu     sync.Mutex
	posted []alert
}

type alert struct {
	Labels      labels            `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// NewAlertmanager takes what fires in a store.
func NewAlertmanager(s *Store) *Alertmanager { return &Alertmanager{store: s} }

// Handler serves its API, version 2.
func (a *Alertmanager) Handler() http.Handler {
	mux := http.NewServeMux()
	ready := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) }
	mux.HandleFunc("GET /-/ready", ready)
	mux.HandleFunc("GET /-/healthy", ready)
	mux.HandleFunc("GET /api/v2/status", a.status)
	mux.HandleFunc("GET /api/v2/receivers", a.receivers)
	mux.HandleFunc("GET /api/v2/silences", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, []object{}) })
	mux.HandleFunc("GET /api/v2/alerts", a.list)
	mux.HandleFunc("POST /api/v2/alerts", a.post)
	mux.HandleFunc("GET /api/v2/alerts/groups", a.groups)
	return mux
}

func receiverOf(l labels) route {
	for _, r := range routing {
		if r.label == "" || l[r.label] == r.value {
			return r
		}
	}
	return route{}
}

// alerts are those that fire, and those that were posted and have not ended.
func (a *Alertmanager) alerts(r *http.Request) []alert {
	a.store.Scrape(r.Context())
	var all []alert
	for _, l := range a.store.active() {
		all = append(all, alert{Labels: l, Annotations: map[string]string{}, StartsAt: time.Now()})
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.posted = slices.DeleteFunc(a.posted, func(one alert) bool { return time.Now().After(one.EndsAt) })
	return append(all, a.posted...)
}

func (one alert) shown() object {
	h := fnv.New64a()
	_, _ = h.Write([]byte(one.Labels.key())) // a hash takes everything
	return object{
		"labels": one.Labels, "annotations": one.Annotations, "startsAt": one.StartsAt.UTC(), "fingerprint": strconv.FormatUint(h.Sum64(), 16),
		"receivers": []object{{"name": receiverOf(one.Labels).receiver}}, "status": object{"state": "active", "silencedBy": []string{}, "inhibitedBy": []string{}},
	}
}

// list takes filter=NAME="VALUE", as often as it is given.
func (a *Alertmanager) list(w http.ResponseWriter, r *http.Request) {
	var match []matcher
	for _, text := range r.URL.Query()["filter"] {
		n, err := parseQuery("{" + text + "}")
		if err != nil {
			reply(w, http.StatusBadRequest, err.Error())
			return
		}
		match = append(match, n.match...)
	}
	wanted := node{match: match}
	shown := []object{}
	for _, one := range a.alerts(r) {
		if wanted.means(one.Labels) {
			shown = append(shown, one.shown())
		}
	}
	reply(w, http.StatusOK, shown)
}

// post takes alerts; without an end they last five minutes.
func (a *Alertmanager) post(w http.ResponseWriter, r *http.Request) {
	var given []alert
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&given); err != nil {
		reply(w, http.StatusBadRequest, "a list of alerts was expected")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range given {
		if one.Labels["alertname"] == "" {
			reply(w, http.StatusBadRequest, "an alert without alertname")
			return
		}
		if one.StartsAt.IsZero() {
			one.StartsAt = time.Now()
		}
		if one.EndsAt.IsZero() {
			one.EndsAt = time.Now().Add(5 * time.Minute)
		}
		a.posted = slices.DeleteFunc(a.posted, func(old alert) bool { return old.Labels.key() == one.Labels.key() })
		a.posted = append(a.posted, one)
	}
	w.WriteHeader(http.StatusOK)
}

// groups shows alerts by the receiver they are routed to.
func (a *Alertmanager) groups(w http.ResponseWriter, r *http.Request) {
	shown := []object{}
	all := a.alerts(r)
	for _, to := range routing {
		alerts := []object{}
		for _, one := range all {
			if receiverOf(one.Labels) == to {
				alerts = append(alerts, one.shown())
			}
		}
		if len(alerts) > 0 {
			shown = append(shown, object{"labels": object{}, "receiver": object{"name": to.receiver}, "alerts": alerts})
		}
	}
	reply(w, http.StatusOK, shown)
}

func (a *Alertmanager) receivers(w http.ResponseWriter, _ *http.Request) {
	shown := []object{}
	for _, r := range routing {
		shown = append(shown, object{"name": r.receiver})
	}
	reply(w, http.StatusOK, shown)
}

// status shows the configuration as its file would say it.
func (a *Alertmanager) status(w http.ResponseWriter, _ *http.Request) {
	text := "route:\n  receiver: default\n  group_wait: 30s\n  routes:\n"
	for _, r := range routing {
		if r.label != "" {
			text += "    - matchers: [" + r.label + "=\"" + r.value + "\"]\n      receiver: " + r.receiver + "\n      group_wait: " + r.wait.String() + "\n"
		}
	}
	reply(w, http.StatusOK, object{
		"cluster": object{"status": "ready", "peers": []object{}}, "versionInfo": object{"version": "0.28.1"}, "config": object{"original": text},
	})
}
