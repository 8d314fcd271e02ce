package check_test

import (
	"testing"
	"time"

	"github.com/go-viper/mapstructure/v2"

	"runbook/steps/check"
)

// decode reads the fields of a kind as a book does: exact names, none unused.
func decode[T check.Check](t *testing.T, kind string, table map[string]any) T {
	t.Helper()
	c := check.Kinds[kind]()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: c, ErrorUnused: true, MatchName: func(key, field string) bool { return key == field },
		DecodeHook: mapstructure.TextUnmarshallerHookFunc(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(table); err != nil {
		t.Errorf("%s: %v", kind, err)
	}
	if v, ok := c.(check.Validator); !ok {
		t.Errorf("%s has no Validate", kind)
	} else if err := v.Validate(); err != nil {
		t.Errorf("%s: %v", kind, err)
	}
	typed, ok := c.(T)
	if !ok {
		t.Fatalf("%s makes a %T", kind, c)
	}
	return typed
}

func TestFieldsAreReadByName(t *testing.T) {
	t.Parallel()
	file := decode[*check.File](t, "file", map[string]any{"path": "${dump}", "exists": false, "max_age": "7d"})
	if file.Exists == nil || *file.Exists || file.MaxAge.D() != 7*24*time.Hour {
		t.Errorf("file: %+v", file)
	}
	web := decode[*check.HTTP](t, "http", map[string]any{
		"steps": []map[string]any{{"url": "${base}/login", "method": "POST", "max": "2s", "capture": map[string]any{"token": "accessToken"}, "status": []int64{201}}},
	})
	if !web.Touches() || web.Steps[0].Max.D() != 2*time.Second || web.Steps[0].Capture["token"] != "accessToken" {
		t.Errorf("http: %+v", web)
	}
	if one := decode[*check.HTTP](t, "http", map[string]any{"url": "${base}/health", "json": map[string]any{"status": "ok"}}); one.URL == "" || one.Touches() {
		t.Errorf("http: %+v", one)
	}
	decode[*check.Env](t, "env", map[string]any{"name": "A", "min": "${rounds}", "unique_across": []string{"file:x"}})
	decode[*check.TCP](t, "tcp", map[string]any{"open": []string{"${host}:5432"}, "timeout": "1s"})
	decode[*check.Command](t, "command", map[string]any{"sh": "true", "secrets": []string{"token"}})
	decode[*check.Postgres](t, "postgres", map[string]any{"query": "version", "min": "14", "dsn": "database_url"})
	decode[*check.Redis](t, "redis", map[string]any{"address": "${redis_address}", "password": "redis_password", "tls": true, "max_memory_percent": "${percent}", "persistence": true, "max": "100ms"})
	decode[*check.SMTP](t, "smtp", map[string]any{"address": "${smtp_address}", "user": "${mail_user}", "password": "smtp_password", "starttls": "tls", "timeout": "5s"})
	decode[*check.PromQL](t, "promql", map[string]any{"url": "${prometheus_url}", "query": `up{job=~".+"}`, "min": "${least}", "samples": "${n}", "token": "prometheus_token"})
	decode[*check.Log](t, "log", map[string]any{"argv": []string{"docker", "logs", "${name}"}, "since": "1h", "max": "${most}", "json": []string{"msg"}})
	decode[*check.CI](t, "ci", map[string]any{"url": "${repository_url}", "commit": "${commit}", "token": "ci_token", "checks": []string{"test"}, "reviews": "1", "merged": true})
	decode[*check.Mail](t, "mail", map[string]any{"address": "${smtp_address}", "from": "${mail_from}", "to": "${mail_to}", "sink": "${mail_sink_url}", "max": "30s"})
	decode[*check.Metrics](t, "metrics", map[string]any{"url": "${base}/metrics", "family": "x_total", "max": "${limit}", "over_labels": map[string]any{"a": "b"}})
}
