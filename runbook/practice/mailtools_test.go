package practice

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func testKubectl(t *testing.T, w *World) {
	t.Helper()
	c := newMailClient(t, w)
	kubectl := func(args ...string) result {
		t.Helper()
		return do(t, w, "kubectl", append([]string{"--context", "practice", "-n", "encrypted-email", "--request-timeout=15s"}, args...)...)
	}
	release := func() any { t.Helper(); return c.want(200, "GET", "/api/version", "", nil)["version"] }
	status := func(code int) result {
		t.Helper()
		return kubectl("rollout", "status", "deployment/"+backend, "--timeout=1s").want(t, code)
	}
	type deployment struct {
		Metadata struct{ Generation int }
		Spec     struct{ Replicas int }
		Status   struct{ ObservedGeneration, UpdatedReplicas, AvailableReplicas, ReadyReplicas, Replicas int }
	}
	var one deployment
	if err := json.Unmarshal([]byte(kubectl("get", "deployment", backend, "-o", "json").want(t, 0).out), &one); err != nil || one.Status.AvailableReplicas != 1 || one.Metadata.Generation != one.Status.ObservedGeneration {
		t.Errorf("deployment: %+v, %v", one, err)
	}
	status(0)
	kubectl("set", "image", "deployment/"+backend, backend+"="+backend+":"+emailNow).want(t, 0)
	if status(0); release() != emailNow {
		t.Errorf("after set image: %v", release())
	}
	kubectl("set", "image", "deployment/"+backend, backend+"="+backend+":9.9.9").want(t, 0)
	if r := status(1); !strings.Contains(r.err, "timed out waiting") || release() != emailNow {
		t.Errorf("an image that can't be pulled: %+v", r)
	}
	if pods := kubectl("get", "pods", "-l", "app="+backend, "-o", "json").want(t, 0).out; !strings.Contains(pods, "ImagePullBackOff") || !strings.Contains(pods, `"phase":"Running"`) {
		t.Errorf("pods: %s", pods)
	}
	kubectl("rollout", "undo", "deployment/"+backend).want(t, 0)
	status(0)
	if history := kubectl("rollout", "history", "deployment/"+backend).want(t, 0).out; !strings.Contains(history, "4") || strings.Contains(history, "\n2 ") {
		t.Errorf("history: %s", history)
	}
	kubectl("rollout", "pause", "deployment/"+backend).want(t, 0)
	kubectl("rollout", "undo", "deployment/"+backend).want(t, 1)
	kubectl("set", "image", "deployment/"+backend, backend+"="+backend+":"+emailBefore).want(t, 0)
	if release() != emailNow {
		t.Error("a paused deployment was rolled out")
	}
	kubectl("rollout", "resume", "deployment/"+backend).want(t, 0)
	if status(0); release() != emailBefore {
		t.Errorf("after resume: %v", release())
	}
	if hpa := kubectl("get", "hpa", "-o", "json").want(t, 0).out; !strings.Contains(hpa, `"ScalingActive"`) {
		t.Errorf("hpa: %s", hpa)
	}
	// What compose does to the application, the cluster shows.
	do(t, w, "docker-compose", "-f", "docker-compose.prod.yml", "down").want(t, 0)
	status(1)
	if r := kubectl("get", "deployment", "nope", "-o", "json").want(t, 1); !strings.Contains(r.err, "Error from server (NotFound)") {
		t.Errorf("no such deployment: %+v", r)
	}
	do(t, w, "kubectl", "--context", "other", "get", "pods").want(t, 1)
	for _, args := range [][]string{{"delete", "pod", "x"}, {"apply", "-f", "x"}, {"get", "secrets"}, {"exec", "x"}} {
		kubectl(args...).want(t, 97)
	}
}

func TestMailScripts(t *testing.T) {
	t.Parallel()
	w := mailWith(t)
	for _, args := range [][]string{{"test"}, {"run", "lint"}, {"run", "type-check"}, {"run", "build"}, {"run", "test:performance"}} {
		do(t, w, "npm", args...).want(t, 0)
	}
	if text, err := os.ReadFile(filepath.Join(w.Steps().Dir, "performance.json")); err != nil || !strings.Contains(string(text), `"errorRate": 0`) {
		t.Errorf("performance.json: %s, %v", text, err)
	}
	var audit struct {
		Metadata struct{ Vulnerabilities map[string]int }
	}
	if err := json.Unmarshal([]byte(do(t, w, "npm", "audit", "--omit=dev", "--json").want(t, 0).out), &audit); err != nil || audit.Metadata.Vulnerabilities["total"] != 0 {
		t.Errorf("audit: %+v, %v", audit, err)
	}
	if r := do(t, w, "npm", "audit", "--json").want(t, 1); !strings.Contains(r.out, `"low": 1`) {
		t.Errorf("audit with what only builds: %s", r.out)
	}
	do(t, w, "npm", "audit", "--audit-level=high").want(t, 0)
	do(t, w, "npm", "audit", "fix").want(t, 97)
	if waits := do(t, w, "apt-get", "-s", "-qq", "dist-upgrade").want(t, 0).out; waits != "" {
		t.Errorf("apt-get: %s", waits)
	}
	do(t, w, "apt-get", "install", "x").want(t, 97)
}

func TestTypeCheckFindsErrors(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		"a({[]})": "", "'(' // (\n`{`": "", "f(\n": "(2): error TS1005: '(' is never closed.", "{)": "(1): error TS1005: unexpected ')'.",
	} {
		if got := unbalanced(text); got != problem {
			t.Errorf("%q: %q, want %q", text, got, problem)
		}
	}
}

// testBackupAndRecovery takes a backup, loses data, and gets it back.
func testBackupAndRecovery(t *testing.T, w *World) {
	t.Helper()
	dir := w.Steps().Dir
	sh := func(code int, script string) result {
		t.Helper()
		return do(t, w, "sh", "-c", script).want(t, code)
	}
	dumps, err := filepath.Glob(filepath.Join(dir, "backups", "*.dump"))
	if err != nil || len(dumps) != keptDays {
		t.Fatalf("%d dumps at start, %v", len(dumps), err)
	}
	sh(0, "cd backups && sha256sum --check --quiet SHA256SUMS")
	for _, dump := range dumps[len(dumps)-2:] {
		do(t, w, "pg_restore", "--file=/dev/null", dump).want(t, 0)
	}
	sh(0, "./scripts/disaster-recovery.sh test latest-backup.tar.gz.gpg")
	sh(0, "./scripts/backup.sh && cd backups && sha256sum --check --quiet SHA256SUMS")
	if packets := sh(0, "gpg --batch --list-packets latest-backup.tar.gz.gpg").out; !strings.Contains(packets, ":symkey enc packet:") {
		t.Errorf("packets: %s", packets)
	}
	conn, err := pgx.Connect(deadline(t), databaseURL(t, w))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(deadline(t)) })
	messages := func() (n int) {
		t.Helper()
		if err := conn.QueryRow(deadline(t), "SELECT count(*) FROM mail.messages").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := messages()
	if _, err := conn.Exec(deadline(t), "DELETE FROM mail.messages"); err != nil {
		t.Fatal(err)
	}
	if r := sh(1, "./scripts/disaster-recovery.sh restore latest-backup.tar.gz.gpg"); !strings.Contains(r.err, "the backend runs") || messages() != 0 {
		t.Errorf("restore under a running service: %+v", r)
	}
	sh(0, "docker-compose -f docker-compose.prod.yml down && ./scripts/disaster-recovery.sh restore latest-backup.tar.gz.gpg && docker-compose -f docker-compose.prod.yml up -d")
	if got := messages(); got != before || before == 0 {
		t.Errorf("%d messages after the restore, %d before", got, before)
	}
	newMailClient(t, w).want(200, "GET", "/api/health", "", nil)
	sh(2, "head -c 2000 latest-backup.tar.gz.gpg >cut.gpg; ./scripts/disaster-recovery.sh test cut.gpg")
	sh(0, "echo wrong >wrong-key")
	do(t, w, "gpg", "--batch", "--yes", "--passphrase-file", "wrong-key", "--decrypt", "--output", "x", "latest-backup.tar.gz.gpg").want(t, 2)
	do(t, w, "gpg", "--gen-key").want(t, 97)
}

func TestGitOfEncryptedEmail(t *testing.T) {
	t.Parallel()
	w := enter(t, newWorld(t))
	do(t, w, "git", "ls-files", "--error-unmatch", "--", ".env").want(t, 1)
	do(t, w, "git", "ls-files", "--error-unmatch", "--", "package.json").want(t, 0)
	do(t, w, "git", "diff", "--exit-code", "--stat").want(t, 0)
	if r := do(t, w, "git", "diff", "--stat", "HEAD~1", "--", "docs"); r.code != 0 || !strings.Contains(r.out, "docs/api.md") || strings.Contains(r.out, "src/") {
		t.Errorf("what the release changed in docs: %+v", r)
	}
	file := filepath.Join(w.Steps().Dir, "package.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := do(t, w, "git", "diff", "--exit-code", "--stat").want(t, 1); !strings.Contains(r.out, "package.json") {
		t.Errorf("a changed file: %+v", r)
	}
	do(t, w, "git", "push").want(t, 97)
}
