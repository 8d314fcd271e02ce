package practice

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"runbook/runbook/practice/edge"
)

// Each application of the world lies in a directory of this name, and has its
// own target and secrets.
const (
	tickrSite = "app"
	emailSite = "email"
)

// siteOf is the application that a book deploys: users-module's is also that of
// every book we do not know.
func siteOf(book string) string {
	if book == "encrypted-email" {
		return emailSite
	}
	return tickrSite
}

// Enter is the world as a book sees it: with the application that the book
// deploys. What only that one needs is started now.
func (w *World) Enter(ctx context.Context, book string) (*World, error) {
	there := &World{home: w.home, dir: w.dir, site: siteOf(book)}
	if _, err := there.ask(ctx, request{Op: "enter", Args: []string{there.site}}); err != nil {
		return nil, fmt.Errorf("enter the practice world: %w", err)
	}
	return there, nil
}

// Target is the target file "practice": of the vars and secrets that a book
// declares, those the world has, and the id of this world, which no other file
// may carry.
func (w *World) Target(declared ...string) ([]byte, error) {
	var t target
	text, err := os.ReadFile(filepath.Join(w.dir, "targets", w.site)) // #nosec G304 -- the world's own
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil {
		return nil, fmt.Errorf("read the practice target: %w", err)
	}
	var b bytes.Buffer
	put := func(key, value string) { _, _ = fmt.Fprintf(&b, "%s = %q\n", key, value) }
	put("name", "practice")
	put("practice", w.ID())
	put("dir", filepath.Join(w.dir, w.site))
	put("path", filepath.Join(w.dir, "bin"))
	put("home", filepath.Join(w.dir, "home"))
	put("user", "practice")
	put("lang", "C.UTF-8")
	put("tz", "UTC")
	b.WriteString("\n[vars]\n")
	for _, name := range slices.Sorted(maps.Keys(t.Vars)) {
		if slices.Contains(declared, name) {
			put(name, t.Vars[name])
		}
	}
	b.WriteString("\n[service]\n")
	put("env_from", "file:"+filepath.Join(w.dir, w.site, t.Env))
	for _, name := range t.Secrets {
		if slices.Contains(declared, name) {
			_, _ = fmt.Fprintf(&b, "\n[secret.%s]\n", name)
			put("file", filepath.Join(w.dir, "secrets", w.site, name))
		}
	}
	return b.Bytes(), nil
}

// target is what differs between the targets of the applications, in
// targets/SITE.
type target struct {
	Vars    map[string]string
	Secrets []string // names; each is a file in secrets/SITE
	Env     string   // the service's environment file
}

func (s *server) writeTarget(site string, t target) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return s.write(filepath.Join("targets", site), string(text))
}

// tickrTarget is the target of users-module.
func (s *server) tickrTarget() error {
	vars := map[string]string{
		"base_url":     "https://" + local(s.front.HTTPS),
		"web_origin":   webOrigin,
		"metrics_url":  "http://" + loopback(s.ports.service) + "/metrics",
		"image_name":   imageName,
		"image_tag":    newRelease,
		"service_port": strconv.Itoa(s.ports.service),
		"db_schema":    "users",
		"db_role":      "tickr_app",
		"login_limit":  "100",
		"replicas":     "2",
		"environment":  environment,
		"migrations":   "src/migrations/*.ts",
		"env_file":     ".env.production",
		"data_source":  "src/data-source.ts",
		"kube_context": "practice",
		"namespace":    namespace,
	}
	maps.Copy(vars, edgeVars(s.front))
	return s.writeTarget(tickrSite, target{Vars: vars, Secrets: []string{"database_url"}, Env: ".env.production"})
}

// edgeVars say where an application is reached from outside.
func edgeVars(front *edge.Front) map[string]string {
	return map[string]string{
		"http_url":        "http://" + local(front.HTTP),
		"edge":            local(front.HTTPS),
		"edge_http":       local(front.HTTP),
		"domain":          "localhost",
		"certificate":     "certs/fullchain.pem",
		"certificate_key": "certs/privkey.pem",
	}
}

// local is an address of 127.0.0.1 by the name that certificates carry.
func local(addr string) string {
	_, port, _ := net.SplitHostPort(addr) // written by us
	return net.JoinHostPort("localhost", port)
}

// secret puts a value where the steps of an application find it.
func (s *server) secret(site, name, value string) error {
	dir := filepath.Join(s.dir, "secrets", site)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), []byte(value+"\n"), 0o600)
}
