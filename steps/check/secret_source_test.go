package check_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

// asService has a world read the source of a service as a real one does.
func asService(w *steps.World, source string) *steps.World {
	place := func(asked string) string {
		if asked == "service" {
			return source
		}
		return asked
	}
	w.Vars = func(ctx context.Context, asked string) (map[string]string, error) {
		return check.ServiceEnv(ctx, w, place(asked), "prod")
	}
	w.Origins = func(ctx context.Context, asked string) (map[string]steps.Origin, error) {
		return check.ServiceOrigins(ctx, w, place(asked), "prod")
	}
	return w
}

func put(t *testing.T, w *steps.World, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(w.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// repository makes a directory a git repository that tracks the files.
func repository(t *testing.T, dir string, tracked ...string) {
	t.Helper()
	for _, args := range [][]string{{"init", "-q"}, append([]string{"add", "--"}, tracked...)} {
		if args[0] == "add" && len(tracked) == 0 {
			continue
		}
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...)
		cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1"}
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, said)
		}
	}
}

func TestSecretSourceOfAFile(t *testing.T) {
	t.Parallel()
	const plain = "JWT_SECRET=S3cret\nPORT=3000\n"
	both := []string{"JWT_SECRET"}
	for name, c := range map[string]struct {
		text    string
		mode    os.FileMode
		git     bool
		tracked bool
		from    []string
		verdict steps.Verdict
		says    string
	}{
		"ours alone":           {text: plain, mode: 0o600, verdict: steps.Pass},
		"beside what git has":  {text: plain, mode: 0o600, git: true, verdict: steps.Pass},
		"others may read it":   {text: plain, mode: 0o640, verdict: steps.Fail, says: "which others may read (-rw-r-----)"},
		"git tracks it":        {text: plain, mode: 0o600, git: true, tracked: true, verdict: steps.Fail, says: "which git tracks"},
		"a file is not wanted": {text: plain, mode: 0o600, from: []string{"vault", "sops"}, verdict: steps.Fail, says: "wanted it from a reference to Vault or what sops encrypted"},
		"sops, tracked":        {text: "JWT_SECRET=ENC[AES256_GCM,data:S3cret,type:str]\n", mode: 0o644, git: true, tracked: true, from: []string{"sops"}, verdict: steps.Pass},
		"a reference":          {text: "JWT_SECRET=vault:secret/data/app#jwt\n", mode: 0o644, verdict: steps.Unknown, says: "whether anything resolves it is not known"},
		"one that is resolved": {text: "JWT_SECRET=vault:secret/data/app#jwt\n", mode: 0o644, from: []string{"vault"}, verdict: steps.Pass},
		"a secret of Docker":   {text: "JWT_SECRET_FILE=/run/secrets/jwt\n", mode: 0o644, from: []string{"mount"}, verdict: steps.Pass},
		"nothing, and a file":  {text: "JWT_SECRET=\nJWT_SECRET_FILE=/run/secrets/jwt\n", mode: 0o644, from: []string{"mount"}, verdict: steps.Pass},
		"nothing":              {text: "JWT_SECRET=\n", mode: 0o600, verdict: steps.Unknown, says: "neither it nor JWT_SECRET_FILE is set"},
		"both, in the open":    {text: "JWT_SECRET=S3cret\nJWT_SECRET_FILE=/run/secrets/jwt\n", mode: 0o644, verdict: steps.Fail, says: "which others may read"},
		"a file that is gone":  {text: "JWT_SECRET_FILE=/nowhere/jwt\n", mode: 0o600, verdict: steps.Unknown, says: "where JWT_SECRET comes from is not known: sh could not tell"},
		"not set":              {text: "PORT=3000\n", mode: 0o600, verdict: steps.Unknown, says: "neither it nor JWT_SECRET_FILE is set"},
		"no environment":       {text: "S3cret\n", mode: 0o600, verdict: steps.Unknown, says: "line 1 is not KEY=VALUE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t, nil)
			path := put(t, w, "app/.env", c.text, c.mode)
			if c.git {
				repository(t, filepath.Dir(path), map[bool][]string{true: {".env"}}[c.tracked]...)
			}
			r := do(t, &check.SecretSource{Names: both, From: c.from}, asService(w, "file:app/.env"))
			want(t, r, c.verdict, c.says)
			never(t, r, "S3cret")
		})
	}
}

// A path of NAME_FILE is held against the same rules.
func TestSecretSourceOfAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	path := put(t, w, "keys/jwt", "S3cret", 0o600)
	put(t, w, ".env", "JWT_SECRET_FILE="+path+"\n", 0o644)
	look := func() steps.Result {
		return do(t, &check.SecretSource{Names: []string{"JWT_SECRET"}}, asService(w, "file:.env"))
	}
	want(t, look(), steps.Pass, "")
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	want(t, look(), steps.Fail, "which others may read")
}

// A link is judged by what it leads to: git may track that.
func TestSecretSourceOfALink(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	path := put(t, w, "app/prod.env", "JWT_SECRET=S3cret\n", 0o600)
	repository(t, filepath.Dir(path), "prod.env")
	if err := os.Symlink(filepath.Join("app", "prod.env"), filepath.Join(w.Dir, ".env")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(w.Dir, "broken.env")); err != nil {
		t.Fatal(err)
	}
	look := &check.SecretSource{Names: []string{"JWT_SECRET"}}
	r := do(t, look, asService(w, "file:.env"))
	want(t, r, steps.Fail, "which git tracks")
	want(t, do(t, look, asService(w, "file:broken.env")), steps.Unknown, "broken.env")
}

// Where git has made a mess, or is not there, nothing is known.
func TestSecretSourceThatGitCantTell(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	put(t, w, ".env", "JWT_SECRET=S3cret\n", 0o600)
	put(t, w, ".git", "gitdir: /nowhere\n", 0o600)
	r := do(t, &check.SecretSource{Names: []string{"JWT_SECRET"}}, asService(w, "file:.env"))
	want(t, r, steps.Unknown, "fatal: not a git repository: /nowhere")
	r = do(t, &check.SecretSource{Names: []string{"JWT_SECRET"}}, asService(w, "file:none.env"))
	want(t, r, steps.Unknown, "none.env")
	want(t, do(t, &check.SecretSource{Names: []string{"JWT_SECRET"}}, world(t, nil)), steps.Unknown, "this world has no environments")
}

func TestSecretSourceOfAContainer(t *testing.T) {
	t.Parallel()
	const compose = "services:\n  api:\n    environment:\n"
	for name, c := range map[string]struct {
		env, compose, file string
		verdict            steps.Verdict
		says               string
	}{
		"a secret of Docker":        {env: `"JWT_SECRET_FILE=/run/secrets/jwt"`, verdict: steps.Pass},
		"a mounted file":            {env: `"JWT_SECRET_FILE=/etc/api/jwt"`, verdict: steps.Pass},
		"a literal and a file":      {env: `"JWT_SECRET=S3cret","JWT_SECRET_FILE=/run/secrets/jwt"`, compose: "      JWT_SECRET: S3cret\n", verdict: steps.Fail, says: "a literal in "},
		"a file and a literal":      {env: `"JWT_SECRET_FILE=/run/secrets/jwt","JWT_SECRET=S3cret"`, compose: "      JWT_SECRET: S3cret\n", verdict: steps.Fail, says: "a literal in "},
		"the image's, and a file":   {env: `"JWT_SECRET_FILE=/run/secrets/jwt","JWT_SECRET=shipped-S3cret"`, verdict: steps.Fail, says: "comes from its image"},
		"nothing, and a file":       {env: `"JWT_SECRET_FILE=/run/secrets/jwt","JWT_SECRET="`, verdict: steps.Pass},
		"a file that it ships with": {env: `"PATH_FILE=","JWT_SECRET_FILE=/run/secrets/shipped"`, verdict: steps.Pass},
		"a file of the image":       {env: `"JWT_SECRET_FILE=/app/jwt"`, verdict: steps.Unknown, says: "neither it nor"},
		"the image":                 {env: `"JWT_SECRET=shipped-S3cret"`, verdict: steps.Fail, says: "comes from its image"},
		"a literal":                 {env: `"JWT_SECRET=S3cret"`, compose: "      JWT_SECRET: S3cret\n", file: "JWT_SECRET=S3cret\n", verdict: steps.Fail, says: "a literal in "},
		"a literal in a list":       {env: `"JWT_SECRET=S3cret"`, compose: "      - \"JWT_SECRET=S3cret\"\n", verdict: steps.Fail, says: "a literal in "},
		"a default":                 {env: `"JWT_SECRET=S3cret"`, compose: "      JWT_SECRET: ${JWT_SECRET:-S3cret}\n", file: "JWT_SECRET=S3cret\n", verdict: steps.Fail, says: "a literal in "},
		"from its file":             {env: `"JWT_SECRET=S3cret"`, compose: "      JWT_SECRET: ${JWT_SECRET}\n", file: "JWT_SECRET=S3cret\n", verdict: steps.Pass},
		"the file has another":      {env: `"JWT_SECRET=S3cret"`, compose: "      JWT_SECRET:\n", file: "JWT_SECRET=other\n", verdict: steps.Unknown, says: "holds another value of it"},
		"no file is named":          {env: `"JWT_SECRET=S3cret"`, verdict: steps.Unknown, says: "Docker keeps no file's name"},
		"a reference":               {env: `"JWT_SECRET=vault:secret/data/app#jwt"`, compose: "      JWT_SECRET: vault:secret/data/app#jwt\n", verdict: steps.Unknown, says: "whether anything resolves it is not known"},
		"no such variable":          {env: `"PORT=3000"`, verdict: steps.Unknown, says: "neither it nor JWT_SECRET_FILE is set"},
		"a Compose file that's not": {env: `"JWT_SECRET=S3cret"`, compose: "gone", verdict: steps.Unknown, says: "can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t, nil)
			label := ""
			if c.compose != "" {
				label = filepath.Join(w.Dir, "compose.yml")
			}
			if c.compose != "" && c.compose != "gone" {
				put(t, w, "compose.yml", compose+c.compose, 0o644)
			}
			says(t, w, "docker", `case $1 in
image) echo '["JWT_SECRET=shipped-S3cret","JWT_SECRET_FILE=/run/secrets/shipped"]' ;;
*) case $* in
	*Labels*) echo '{"Running":true,"Env":[`+c.env+`],"Image":"sha256:1","Labels":{"com.docker.compose.project.config_files":"`+label+`"},"Mounts":[{"Destination":"/etc/api"}]}' ;;
	*) echo '{"Running":true,"Env":[`+c.env+`]}' ;;
	esac ;;
esac`)
			look := &check.SecretSource{Names: []string{"JWT_SECRET"}}
			if c.file != "" {
				look.EnvFile = put(t, w, ".env", c.file, 0o600)
			}
			r := do(t, look, asService(w, "docker:api"))
			want(t, r, c.verdict, c.says)
			never(t, r, "S3cret")
		})
	}
}

const sourcedDeployment = `{"kind":"Deployment","spec":{"template":{"spec":{
"volumes":[{"name":"keys","secret":{"secretName":"keys"}},{"name":"store","csi":{"driver":"secrets-store.csi.k8s.io"}},{"name":"plain","emptyDir":{}},
{"name":"many","projected":{"sources":[{"secret":{"name":"keys"}}]}}],
"containers":[{"name":"api",
"volumeMounts":[{"name":"keys","mountPath":"/keys"},{"name":"store","mountPath":"/store"},{"name":"plain","mountPath":"/plain"},{"name":"many","mountPath":"/many"}],
"envFrom":[{"configMapRef":{"name":"base"}},{"prefix":"DB_","secretRef":{"name":"db"}}],
"env":[{"name":"JWT_SECRET","valueFrom":{"secretKeyRef":{"name":"jwt","key":"key"}}},
{"name":"DATABASE_URL","value":"postgres://api:$(DB_PASSWORD)@db/api"},
{"name":"API_KEY","value":"S3cret"},{"name":"MAPPED","valueFrom":{"configMapKeyRef":{"name":"base","key":"LEVEL"}}},
{"name":"MAYBE","valueFrom":{"secretKeyRef":{"name":"none","key":"key","optional":true}}},{"name":"MAY","valueFrom":{"secretKeyRef":{"name":"db","key":"none","optional":true}}},
{"name":"IS","valueFrom":{"secretKeyRef":{"name":"db","key":"PASSWORD","optional":true}}},
{"name":"REFERRED","value":"vault:secret/data/app#key"},
{"name":"POD_IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}},
{"name":"TWICE","value":"S3cret"},{"name":"TWICE_FILE","value":"/keys/twice"},{"name":"AGAIN_FILE","value":"/keys/again"},{"name":"AGAIN","value":"S3cret"},
{"name":"EMPTY_FILE","value":"/keys/empty"},{"name":"EMPTY","value":""},
{"name":"A_FILE","value":"/keys/a"},{"name":"B_FILE","value":"/store/b"},{"name":"C_FILE","value":"/plain/c"},{"name":"D_FILE","value":"/many/d"}]}]}}}}`

func TestSecretSourceOfADeployment(t *testing.T) {
	t.Parallel()
	cluster := func(forbidden ...string) *steps.World {
		w := environed(t, "", forbidden...)
		put(t, w, "deployments.apps.api", sourcedDeployment, 0o600)
		return asService(w, "k8s:users/api")
	}
	w := cluster()
	for name, says := range map[string]string{
		"JWT_SECRET": "", "DB_PASSWORD": "", "DATABASE_URL": "", "IS": "", "A": "", "B": "", "D": "", "EMPTY": "",
		"TWICE": "TWICE comes from a literal", "AGAIN": "AGAIN comes from a literal",
		"API_KEY": "API_KEY comes from a literal in deployment users/api", "MAPPED": "config map base", "LEVEL": "config map base", "POD_IP": "a field of the pod",
	} {
		r := do(t, &check.SecretSource{Names: []string{name}}, w)
		want(t, r, map[bool]steps.Verdict{true: steps.Pass, false: steps.Fail}[says == ""], says)
		never(t, r, "S3cret", "UzNjcmV0")
	}
	want(t, do(t, &check.SecretSource{Names: []string{"C"}}, w), steps.Unknown, "neither it nor C_FILE is set")
	want(t, do(t, &check.SecretSource{Names: []string{"MAYBE"}}, w), steps.Unknown, "neither it nor MAYBE_FILE is set")
	want(t, do(t, &check.SecretSource{Names: []string{"MAY"}}, w), steps.Unknown, "neither it nor MAY_FILE is set")
	want(t, do(t, &check.SecretSource{Names: []string{"REFERRED"}}, w), steps.Unknown, "whether anything resolves it is not known")
	want(t, do(t, &check.SecretSource{Names: []string{"REFERRED"}, From: []string{"vault"}}, w), steps.Pass, "")
	want(t, do(t, &check.SecretSource{Names: []string{"JWT_SECRET"}, From: []string{"mount"}}, w), steps.Fail, "wanted it from a mounted file")

	// What a secret is for can be told without its values; what it holds can't.
	w = cluster("secret.db", "secret.jwt")
	want(t, do(t, &check.SecretSource{Names: []string{"JWT_SECRET"}}, w), steps.Pass, "")
	want(t, do(t, &check.SecretSource{Names: []string{"IS"}}, w), steps.Unknown, "secret db can't be read")
	want(t, do(t, &check.SecretSource{Names: []string{"API_KEY"}}, w), steps.Fail, "a literal")
	want(t, do(t, &check.SecretSource{Names: []string{"DB_PASSWORD"}}, w), steps.Unknown, "secret db can't be read")
	want(t, do(t, &check.SecretSource{Names: []string{"LEVEL"}}, w), steps.Unknown, "secret db can't be read")
	want(t, do(t, &check.SecretSource{Names: []string{"X"}}, asService(world(t, nil), "k8s:users/api")), steps.Unknown, "kubectl")
}
