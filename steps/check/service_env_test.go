package check_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

func TestServiceEnvOfAContainer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ source, script, says string }{
		"runs":       {"docker:api", `echo "$*" >asked; echo '{"Running":true,"Env":["JWT_SECRET=a=b","PEM=one\\ntwo","EMPTY="]}'`, ""},
		"stopped":    {"docker:api", `echo '{"Running":false,"Env":["JWT_SECRET=S3cret"]}'`, "container api does not run"},
		"missing":    {"docker:api", `echo 'Error response from daemon: No such container: api' >&2; exit 1`, "No such container: api"},
		"no daemon":  {"docker:api", `echo 'Cannot connect to the Docker daemon' >&2; exit 1`, "Cannot connect to the Docker daemon"},
		"dies":       {"docker:api", `echo '{"Running":true,"Env":["JWT_SECRET=S3cret"'; exit 3`, "docker could not tell, exit status 3"},
		"no JSON":    {"docker:api", `echo 'JWT_SECRET=S3cret'`, "no JSON"},
		"an option":  {"docker:--help", `echo '{"Running":true}'`, "would be an option"},
		"no cluster": {"k8s:users/api", `exit 1`, "the target names no kube context"},
		"nonsense":   {"vault:x", `exit 1`, "is not known: file:PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t, nil)
			says(t, w, "docker", test.script)
			vars, err := check.ServiceEnv(t.Context(), w, test.source, "")
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "S3cret") || len(vars) > 0 {
					t.Errorf("%v, %v; want %q", vars, err, test.says)
				}
				return
			}
			if want := map[string]string{"JWT_SECRET": "a=b", "PEM": "one\ntwo", "EMPTY": ""}; err != nil || !maps.Equal(vars, want) {
				t.Errorf("%q, %v", vars, err)
			}
			if asked, err := os.ReadFile(filepath.Join(w.Dir, "asked")); err != nil || !strings.HasSuffix(string(asked), " api\n") {
				t.Errorf("asked %q, %v", asked, err)
			}
		})
	}
}

// envDeployment is what kubectl prints of a deployment with all the ways to set
// a variable.
const envDeployment = `{"kind":"Deployment","spec":{"template":{"spec":{"containers":[{"name":"api",
"envFrom":[{"configMapRef":{"name":"base"}},{"prefix":"DB_","secretRef":{"name":"db"}},{"secretRef":{"name":"gone","optional":true}}],
"env":[{"name":"PLAIN","value":"yes"},{"name":"MADE","value":"$(PLAIN)-$$(PLAIN)-$(NOBODY)-$(DB_PASSWORD)"},
{"name":"LEVEL","value":"debug"},
{"name":"KEY","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}},
{"name":"NO_KEY","valueFrom":{"secretKeyRef":{"name":"db","key":"nothing","optional":true}}},
{"name":"POD_IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}},
{"name":"URL","value":"http://$(POD_IP)/"}]}SIDECAR]}}}}`

// environed is a kubectl that knows that deployment; which of its objects can't
// be read is given.
func environed(t *testing.T, sidecar string, forbidden ...string) *steps.World {
	t.Helper()
	w := world(t, nil)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(w.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("deployments.apps.api", strings.Replace(envDeployment, "SIDECAR", sidecar, 1))
	write("configmap.base", `{"kind":"ConfigMap","data":{"LEVEL":"info","REGION":"eu"}}`)
	write("secret.db", `{"kind":"Secret","data":{"PASSWORD":"UzNjcmV0","password":"UzNjcmV0"}}`)
	for _, name := range forbidden {
		write(name+".forbidden", "")
	}
	says(t, w, "kubectl", `echo "$*" >>asked
if test -e "$7.$8.forbidden"; then
	echo 'E1122 05:00:52.222503   18049 memcache.go:265] "Unhandled Error"' >&2
	echo 'Error from server (Forbidden): secrets "db" is forbidden: User "ana" cannot get resource "secrets"' >&2
	exit 1
fi
if test -e "$7.$8"; then cat "$7.$8"; exit; fi
echo "Error from server (NotFound): $7 \"$8\" not found" >&2
exit 1`)
	return w
}

func TestServiceEnvOfADeployment(t *testing.T) {
	t.Parallel()
	w := environed(t, "")
	vars, err := check.ServiceEnv(t.Context(), w, "k8s:users/api", "prod")
	want := map[string]string{
		"REGION": "eu", "DB_PASSWORD": "S3cret", "DB_password": "S3cret", "PLAIN": "yes", "LEVEL": "debug", "KEY": "S3cret",
		"MADE": "yes-$(PLAIN)-$(NOBODY)-S3cret",
	}
	if !maps.Equal(vars, want) {
		t.Errorf("got %q", vars)
	}
	var partial *steps.PartialEnv
	if !errors.As(err, &partial) || partial.Rest != "" || !slices.Equal(slices.Sorted(maps.Keys(partial.Names)), []string{"POD_IP", "URL"}) {
		t.Fatalf("what is not known: %v", err)
	}
	if partial.Why("URL") != "it is made of POD_IP, which is not known" || partial.Why("NO_KEY") != "" {
		t.Errorf("why: %q", partial.Names)
	}
	asked, err := os.ReadFile(filepath.Join(w.Dir, "asked"))
	if err != nil || !strings.HasPrefix(string(asked), "--context prod -n users --request-timeout=15s get deployments.apps api") || strings.Count(string(asked), "secret db") != 1 {
		t.Errorf("asked %q, %v", asked, err)
	}
}

// A secret that can't be read may set any variable, and what stood before it.
func TestServiceEnvThatIsReadInPart(t *testing.T) {
	t.Parallel()
	w := environed(t, "", "secret.db")
	w.Vars = func(ctx context.Context, _ string) (map[string]string, error) {
		return check.ServiceEnv(ctx, w, "k8s:users/api", "prod")
	}
	want(t, do(t, &check.Env{Name: "PLAIN", Equals: "yes"}, w), steps.Pass, "")
	want(t, do(t, &check.Env{Name: "PLAIN", Equals: "no"}, w), steps.Fail, "")
	want(t, do(t, &check.Env{Name: "LEVEL", Equals: "debug"}, w), steps.Pass, "")
	for _, name := range []string{"REGION", "DB_PASSWORD", "KEY", "NOBODY", "MADE"} {
		r := do(t, &check.Env{Name: name}, w)
		want(t, r, steps.Unknown, name+" is not known: ")
		never(t, r, "S3cret")
	}
	want(t, do(t, &check.Env{Name: "KEY"}, w), steps.Unknown, "secret db can't be read: kubectl could not tell, exit status 1: Error from server (Forbidden)")
	want(t, do(t, &check.Env{Names: []string{"PLAIN", "KEY"}}, w), steps.Unknown, "KEY is not known")
	want(t, do(t, &check.Env{Names: []string{"PLAIN", "KEY"}, Equals: "no"}, w), steps.Fail, "PLAIN")
	want(t, do(t, &check.Env{Source: "x", Name: "PLAIN", UniqueAcross: []string{"y"}}, w), steps.Fail, "also that of PLAIN in y")
	want(t, do(t, &check.Env{Source: "service", Name: "LEVEL", UniqueAcross: []string{"service"}}, w), steps.Unknown, "whether it is unique is not known")
}

// Where the database is, is known as long as nothing that says so is missing.
func TestPostgresOfAServiceThatIsReadInPart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vars    map[string]string
		unknown string
		reason  string
	}{
		"the address is known": {map[string]string{"DATABASE_URL": "postgres://u:S3cret@127.0.0.1:1/d"}, "POD_IP", "refuse"},
		"the address is not":   {map[string]string{}, "DATABASE_URL", "DATABASE_URL is not known: secret db can't be read"},
		"the password is not":  {map[string]string{"DB_HOST": "127.0.0.1", "DB_PORT": "1", "DB_USER": "u", "DB_NAME": "d"}, "DB_PASSWORD", "DB_PASSWORD is not known"},
	} {
		w := world(t, nil)
		w.Vars = func(context.Context, string) (map[string]string, error) {
			return c.vars, &steps.PartialEnv{Names: map[string]string{c.unknown: "secret db can't be read"}}
		}
		r := do(t, &check.Postgres{Query: "connect"}, w)
		if !strings.Contains(r.Reason, c.reason) || r.Verdict == steps.Pass {
			t.Errorf("%s: %s, %q; want %q", name, r.Verdict, r.Reason, c.reason)
		}
		never(t, r, "S3cret")
	}
}

func TestServiceEnvOfSeveralContainers(t *testing.T) {
	t.Parallel()
	w := environed(t, `,{"name":"proxy","env":[{"name":"PORT","value":"1"}]}`)
	if _, err := check.ServiceEnv(t.Context(), w, "k8s:users/api", "prod"); err == nil || !strings.Contains(err.Error(), "name one container of api, k8s:users/api/CONTAINER: api, proxy") {
		t.Errorf("which of two: %v", err)
	}
	if vars, err := check.ServiceEnv(t.Context(), w, "k8s:users/api/proxy", "prod"); err != nil || vars["PORT"] != "1" {
		t.Errorf("the second: %v, %v", vars, err)
	}
	if _, err := check.ServiceEnv(t.Context(), w, "k8s:users/web", "prod"); err == nil || !strings.Contains(err.Error(), "web is no deployment in users") {
		t.Errorf("no deployment: %v", err)
	}
}
