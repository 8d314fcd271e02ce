package practice

import (
	"strings"
	"testing"
)

func TestNPM(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret, err := w.Steps().Secret(t.Context(), "database_url")
	if err != nil {
		t.Fatal(err)
	}
	url := []string{"DATABASE_URL=" + secret.Reveal()}
	for _, args := range [][]string{{"test"}, {"run", "test:e2e"}, {"run", "test:arch"}, {"run", "build"}, {"run", "lint:check"}} {
		t.Log(do(t, w, "npm", args...).want(t, 0).out)
	}
	applied := func() string {
		r := doEnv(t, w, url, "npm", "run", "typeorm", "--", "migration:show", "-d", "src/data-source.ts").want(t, 0)
		return r.out
	}
	if n := strings.Count(applied(), "[ ]"); n != 3 {
		t.Errorf("%d pending", n)
	}
	t.Log(doEnv(t, w, url, "npm", "run", "migration:run").want(t, 0).out)
	if n := strings.Count(applied(), "[ ]"); n != 0 {
		t.Errorf("%d pending after run", n)
	}
	t.Log(doEnv(t, w, url, "npm", "run", "migration:revert").want(t, 0).out)
	if n := strings.Count(applied(), "[ ]"); n != 1 {
		t.Errorf("%d pending after revert", n)
	}
}
