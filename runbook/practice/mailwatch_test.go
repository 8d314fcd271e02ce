package practice

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// fetchText reads one address as a step would, with a bearer if it has one.
func fetchText(t *testing.T, w *World, method, address, bearer, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(deadline(t), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := webClient(t, w).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// series are the values that a query has.
func seriesOf(t *testing.T, w *World, query string) (values []string) {
	t.Helper()
	_, text := fetchText(t, w, "GET", targetVars(t, w)["prometheus_url"]+"/api/v1/query?"+url.Values{"query": {query}}.Encode(), "", "")
	var said struct {
		Status string
		Data   struct{ Result []struct{ Value []any } }
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil || said.Status != "success" {
		t.Fatalf("%s: %s, %v", query, text, err)
	}
	for _, one := range said.Data.Result {
		values = append(values, fmt.Sprint(one.Value[1]))
	}
	return values
}

func secretOf(t *testing.T, w *World, name string) string {
	t.Helper()
	secret, err := w.Steps().Secret(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal()
}

func testMonitoring(t *testing.T, w *World) {
	t.Helper()
	vars := targetVars(t, w)
	if got := seriesOf(t, w, "sum(up) == count(up)"); len(got) != 1 {
		t.Errorf("targets are down: %v", seriesOf(t, w, "up"))
	}
	newMailClient(t, w).want(200, "GET", "/api/health", "", nil)
	for _, query := range []string{
		`100 * sum(rate(http_requests_total{job="encrypted-email-backend",code=~"5.."}[1h]) or vector(0)) / sum(rate(http_requests_total{job="encrypted-email-backend"}[1h]))`,
		`sum(rate(http_request_duration_seconds_sum{job="encrypted-email-backend"}[1h])) / sum(rate(http_request_duration_seconds_count{job="encrypted-email-backend"}[1h]))`,
		`histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{job="encrypted-email-backend"}[1h])))`,
		`100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)`, `pg_up`, `time() - backup_last_success_timestamp_seconds`,
	} {
		if got := seriesOf(t, w, query); len(got) != 1 || got[0] == "NaN" {
			t.Errorf("%s: %v", query, got)
		}
	}
	if got := seriesOf(t, w, "no_such_metric"); got != nil {
		t.Errorf("what is not measured is %v", got)
	}
	for address, says := range map[string]string{
		"prometheus_url /-/ready": "Ready", "prometheus_url /api/v1/rules": "HighErrorRate", "prometheus_url /api/v1/targets": `"health":"up"`,
		"alertmanager_url /-/ready": "OK", "alertmanager_url /api/v2/status": `receiver: on-call`, "alertmanager_url /api/v2/alerts": "Watchdog",
		"grafana_url /api/health": "ok",
	} {
		name, path, _ := strings.Cut(address, " ")
		if code, text := fetchText(t, w, "GET", vars[name]+path, "", ""); code != 200 || !strings.Contains(text, says) {
			t.Errorf("%s: %d %s", address, code, text)
		}
	}
	routes := map[string]string{`{"severity":"critical"}`: "on-call", `{"severity":"warning"}`: "development", `{"severity":"critical","team":"security"}`: "security"}
	for labels, receiver := range routes {
		labels = `{"alertname":"Probe",` + labels[1:]
		if code, text := fetchText(t, w, "POST", vars["alertmanager_url"]+"/api/v2/alerts", "", `[{"labels":`+labels+`}]`); code != 200 {
			t.Errorf("post %s: %d %s", labels, code, text)
		}
		_, groups := fetchText(t, w, "GET", vars["alertmanager_url"]+"/api/v2/alerts/groups", "", "")
		if !strings.Contains(groups, `"receiver":{"name":"`+receiver+`"}`) {
			t.Errorf("%s is not routed to %s: %s", labels, receiver, groups)
		}
	}
	// A service that is down is seen.
	do(t, w, "docker-compose", "-f", "docker-compose.prod.yml", "stop", "backend").want(t, 0)
	if got := seriesOf(t, w, `up{job="encrypted-email-backend"}`); len(got) != 1 || got[0] != "0" {
		t.Errorf("of a stopped backend, up is %v", got)
	}
	if code, text := fetchText(t, w, "GET", vars["alertmanager_url"]+"/api/v2/alerts?filter=alertname%3D%22ServiceDown%22", "", ""); code != 200 || !strings.Contains(text, "on-call") {
		t.Errorf("alerts of a stopped backend: %d %s", code, text)
	}
	do(t, w, "docker-compose", "-f", "docker-compose.prod.yml", "start", "backend").want(t, 0)
}

func TestNeighbours(t *testing.T) {
	t.Parallel()
	w := mailWith(t)
	vars := targetVars(t, w)
	for _, c := range []struct {
		address, secret, says string
		code                  int
	}{
		{vars["grafana_url"] + "/api/dashboards/uid/overview", "grafana_token", "Application overview", 200},
		{vars["grafana_url"] + "/api/dashboards/uid/nope", "grafana_token", "not found", 404},
		{vars["grafana_url"] + "/api/dashboards/uid/overview", "", "Bad credentials", 401},
		{vars["repository_url"] + "/commits/" + vars["commit"] + "/check-runs", "forge_token", `"security-scan"`, 200},
		{vars["repository_url"] + "/commits/" + vars["commit"][:12] + "/pulls", "forge_token", "merged_at", 200},
		{vars["repository_url"] + "/pulls/412/reviews", "forge_token", "APPROVED", 200},
		{vars["repository_url"] + "/commits/0123456789/check-runs", "forge_token", "No commit", 422},
		{vars["repository_url"] + "/commits/" + vars["commit"], "", "Bad credentials", 401},
		{vars["payment_url"] + "/v1/balance", "payment_key", `"balance"`, 200},
		{vars["payment_url"] + "/v1/balance", "forge_token", "Bad credentials", 401},
		{vars["mail_sink"], "", "[", 200},
	} {
		bearer := ""
		if c.secret != "" {
			bearer = secretOf(t, w, c.secret)
		}
		if code, text := fetchText(t, w, "GET", c.address, bearer, ""); code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%s as %q: %d %s", c.address, c.secret, code, text)
		}
	}
	hook := secretOf(t, w, "webhook_url")
	if code, _ := fetchText(t, w, "POST", hook, "", `{"text":"it is live"}`); code != 200 {
		t.Errorf("webhook: %d", code)
	}
	if _, text := fetchText(t, w, "GET", hook, "", ""); !strings.Contains(text, "it is live") {
		t.Errorf("webhook kept %s", text)
	}
	if code, _ := fetchText(t, w, "POST", hook[:len(hook)-4], "", "x"); code != 404 {
		t.Errorf("a wrong webhook: %d", code)
	}
}
