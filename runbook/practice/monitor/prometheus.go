package monitor

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Rule is an alert that the Prometheus knows: when its query answers anything,
// for longer than For.
type Rule struct {
	Name, Query, Severity, Team string
	For                         time.Duration
}

// Rules are the alerts of encrypted-email.
func Rules() []Rule {
	const service = `job="encrypted-email-backend"`
	errors5xx := `100 * sum(rate(http_requests_total{` + service + `,code=~"5.."}[5m])) / sum(rate(http_requests_total{` + service + `}[5m]))`
	return []Rule{
		{"Watchdog", `vector(1)`, "none", "operations", 0},
		{"ServiceDown", `up{` + service + `} == 0`, "critical", "operations", time.Minute},
		{"HighErrorRate", errors5xx + ` > 0.1`, "critical", "operations", 5 * time.Minute},
		{"SlowResponses", `sum(rate(http_request_duration_seconds_sum{` + service + `}[5m])) / sum(rate(http_request_duration_seconds_count{` + service + `}[5m])) > 2`, "warning", "development", 5 * time.Minute},
		{"HighCPU", `100 * rate(process_cpu_seconds_total{` + service + `}[5m]) > 80`, "warning", "development", 10 * time.Minute},
		{"HighMemory", `100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) > 85`, "warning", "development", 10 * time.Minute},
		{"LoginFailures", `sum(rate(auth_login_total{result="failure"}[5m])) > 5`, "critical", "security", time.Minute},
		{"BackupTooOld", `time() - backup_last_success_timestamp_seconds > 93600`, "critical", "operations", 0},
	}
}

// firing is how an alert is at this moment: whatever its For says, what its
// query answers now.
func (s *Store) firing(r Rule) []point {
	v, err := s.answer(r.Query)
	if err != nil {
		return nil
	}
	return v.points
}

// Prometheus serves the HTTP API of one.
func (s *Store) Prometheus() http.Handler {
	mux := http.NewServeMux()
	ready := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("Prometheus Server is Ready.\n")) }
	mux.HandleFunc("GET /-/ready", ready)
	mux.HandleFunc("GET /-/healthy", ready)
	mux.HandleFunc("/api/v1/query", s.query)
	mux.HandleFunc("GET /api/v1/targets", s.targetList)
	mux.HandleFunc("GET /api/v1/rules", s.rules)
	mux.HandleFunc("GET /api/v1/alerts", s.alerts)
	return mux
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // a client that left is nobody's error
}

type object = map[string]any

func (s *Store) query(w http.ResponseWriter, r *http.Request) {
	s.Scrape(r.Context())
	v, err := s.answer(r.FormValue("query"))
	if err != nil {
		reply(w, http.StatusBadRequest, object{"status": "error", "errorType": "bad_data", "error": err.Error()})
		return
	}
	at := float64(time.Now().UnixMilli()) / 1000
	pair := func(f float64) []any { return []any{at, strconv.FormatFloat(f, 'f', -1, 64)} }
	data := object{"resultType": "vector"}
	if v.scalar {
		data["resultType"], data["result"] = "scalar", pair(v.points[0].value)
	} else {
		result := []object{}
		for _, p := range v.points {
			l := p.labels
			if l == nil {
				l = labels{}
			}
			result = append(result, object{"metric": l, "value": pair(p.value)})
		}
		data["result"] = result
	}
	reply(w, http.StatusOK, object{"status": "success", "data": data})
}

func (s *Store) targetList(w http.ResponseWriter, r *http.Request) {
	s.Scrape(r.Context())
	s.mu.Lock()
	defer s.mu.Unlock()
	active := []object{}
	for _, job := range slices.Sorted(maps.Keys(s.targets)) {
		one := object{"labels": labels{"job": job, "instance": "localhost"}, "scrapePool": job, "health": "up", "lastError": ""}
		if err := s.down[job]; err != nil {
			one["health"], one["lastError"] = "down", err.Error()
		}
		active = append(active, one)
	}
	reply(w, http.StatusOK, object{"status": "success", "data": object{"activeTargets": active, "droppedTargets": []object{}}})
}

func (s *Store) rules(w http.ResponseWriter, r *http.Request) {
	s.Scrape(r.Context())
	all := []object{}
	for _, rule := range Rules() {
		state := "inactive"
		if len(s.firing(rule)) > 0 {
			state = "firing"
		}
		all = append(all, object{
			"name": rule.Name, "query": rule.Query, "duration": rule.For.Seconds(), "type": "alerting", "health": "ok", "state": state,
			"labels": labels{"severity": rule.Severity, "team": rule.Team},
		})
	}
	groups := []object{{"name": "encrypted-email", "file": "encrypted-email.yml", "interval": every.Seconds(), "rules": all}}
	reply(w, http.StatusOK, object{"status": "success", "data": object{"groups": groups}})
}

func (s *Store) alerts(w http.ResponseWriter, r *http.Request) {
	s.Scrape(r.Context())
	all := []object{}
	for _, one := range s.active() {
		all = append(all, object{"labels": one, "state": "firing", "value": "1"})
	}
	reply(w, http.StatusOK, object{"status": "success", "data": object{"alerts": all}})
}

// active are the labels of what fires now.
func (s *Store) active() []labels {
	var all []labels
	for _, rule := range Rules() {
		for _, p := range s.firing(rule) {
			l := p.labels.nameless()
			if l == nil {
				l = labels{}
			}
			l["alertname"], l["severity"], l["team"] = rule.Name, rule.Severity, rule.Team
			all = append(all, l)
		}
	}
	return all
}
