package practice

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestFaults breaks every part of one world, and looks at each.
func TestFaults(t *testing.T) {
	t.Parallel()
	plain := newWorld(t)
	if err := plain.Break(deadline(t), "headers", "nonsense"); err == nil || !strings.Contains(err.Error(), "it has backup, certificate") {
		t.Errorf("an unknown part: %v", err)
	}
	if err := plain.Break(deadline(t), Faults()...); err != nil {
		t.Fatal(err)
	}
	w := enter(t, plain) // what is broken before an application starts is broken in it too
	if st, err := w.Status(deadline(t)); err != nil || len(st.Broken) != len(Faults()) {
		t.Errorf("broken: %v, %v", st.Broken, err)
	}
	vars := targetVars(t, w)
	client := webClient(t, w)
	if _, err := client.Get(vars["base_url"]); err == nil || !strings.Contains(err.Error(), "expired") { //nolint:bodyclose,noctx // there is none
		t.Errorf("certificate: %v", err)
	}
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	for _, address := range []string{vars["http_url"], vars["base_url"], targetVars(t, plain)["base_url"]} {
		resp := look(t, client, "GET", address+"/api/health", nil)
		if resp.StatusCode != 200 || resp.Header.Get("Strict-Transport-Security") != "" || resp.Header.Get("X-Content-Type-Options") != "" {
			t.Errorf("%s: %s, %v", address, resp.Status, resp.Header)
		}
	}
	c := mailClient{t, client, vars["base_url"]}
	for n := range 12 {
		if resp, _ := c.do("POST", "/api/auth/login", "", map[string]string{"email": "a@b.example"}); resp.StatusCode != 401 {
			t.Fatalf("login %d: %s", n+1, resp.Status)
		}
	}
	for _, there := range []*World{plain, w} {
		conn, err := pgx.Connect(deadline(t), databaseURL(t, there))
		if err != nil {
			t.Fatal(err)
		}
		var super, invalid int
		err = conn.QueryRow(deadline(t), `SELECT (SELECT count(*) FROM pg_roles WHERE rolsuper AND rolname IN ('email_app', 'tickr_app')),
			(SELECT count(*) FROM pg_index WHERE NOT indisvalid)`).Scan(&super, &invalid)
		if err != nil || super != 2 || invalid != 1 {
			t.Errorf("%s: %d superusers, %d invalid indexes, %v", there.site, super, invalid, err)
		}
		if err := conn.Close(deadline(t)); err != nil {
			t.Error(err)
		}
	}
	if waits := do(t, w, "apt-get", "-s", "dist-upgrade").want(t, 0).out; !strings.Contains(waits, "Debian-Security") {
		t.Errorf("updates: %q", waits)
	}
	if got := do(t, w, "find", "backups", "-mtime", "-2", "-name", "*.dump").want(t, 0).out; got != "" {
		t.Errorf("backups: %s", got)
	}
}
