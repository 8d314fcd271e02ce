package runbook

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/book"
	"runbook/steps"
)

func TestWorldRefusesWhatIsNotReal(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for want, target := range map[string]*book.Target{
		"only that world runs it": {Name: "x", Dir: dir, Path: "/usr/bin", Practice: "practice-1"},
		"is no directory":         {Name: "x", Dir: filepath.Join(dir, "nowhere"), Path: "/usr/bin"},
		"writable by others":      {Name: "x", Dir: dir, Path: open + ":/usr/bin"},
		"must be absolute":        {Name: "x", Dir: dir, Path: "bin:/usr/bin"},
	} {
		if _, err := NewWorld(target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", target, err, want)
		}
	}
	t.Setenv("RUNBOOK_WORLD", "/tmp/rb-x")
	if _, err := NewWorld(&book.Target{Name: "x", Dir: dir, Path: "/usr/bin"}); err == nil || !strings.Contains(err.Error(), "practice world") {
		t.Errorf("a shell of a practice world got a real one: %v", err)
	}
}

func TestEnvironmentIsBuilt(t *testing.T) {
	t.Setenv("BASH_ENV", "/tmp/evil")
	t.Setenv("PGHOST", "evil")
	t.Setenv("HTTP_PROXY", "http://evil")
	t.Setenv("LD_PRELOAD", "")
	w, err := NewWorld(&book.Target{Name: "x", Dir: t.TempDir(), Path: "/usr/bin:/bin", Home: "/h", User: "u", Lang: "C", TZ: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.Env, " "); got != "PATH=/usr/bin:/bin HOME=/h USER=u LANG=C TZ=UTC" {
		t.Errorf("environment is %q", got)
	}
}

func TestMetadataAddressesAreRefused(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"169.254.169.254:80", "[fe80::1%lo]:80", "[::ffff:169.254.169.254]:80"} {
		conn, err := dial(t.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		if !errors.Is(err, errLinkLocal) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestSecretSources(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("THE_SECRET", "from-env")
	w, err := NewWorld(&book.Target{Name: "x", Dir: dir, Path: "/usr/bin:/bin", Secrets: map[string]book.Source{
		"env": {Env: "THE_SECRET"}, "unset": {Env: "NO_SUCH_VARIABLE"},
		"file": {File: write("good", "from-file\n", 0o600)}, "open": {File: write("open", "x", 0o644)},
		"command": {Command: []string{"echo", "from-command"}}, "fails": {Command: []string{"false"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"env": "from-env", "file": "from-file", "command": "from-command"} {
		if got, err := w.Secret(context.Background(), name); err != nil || got.Reveal() != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{"unset": "not set", "open": "chmod 600", "fails": "no value", "missing": "[secret.missing]"} {
		_, err := w.Secret(context.Background(), name)
		if !errors.Is(err, steps.ErrSecret) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
