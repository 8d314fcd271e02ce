package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// keygen makes a key with the real ssh-keygen and returns its path.
func keygen(t *testing.T, kind, passphrase string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	command(t, nil, nil, "ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", path)
	return path
}

// command runs a real program; env of nil is ours.
func command(t *testing.T, env []string, stdin []byte, argv ...string) string {
	t.Helper()
	out, err := try(t, env, stdin, argv...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return out
}

func try(t *testing.T, env []string, stdin []byte, argv ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env, cmd.Stdin = env, bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// startAgent runs a real ssh-agent and returns its socket.
func startAgent(t *testing.T, keys ...string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	agent := exec.CommandContext(t.Context(), "ssh-agent", "-D", "-a", socket)
	stdout, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait() // killed, as intended
	})
	if _, err := stdout.Read(make([]byte, 1)); err != nil { // it says its socket once it listens
		t.Fatal(err)
	}
	for _, key := range keys {
		command(t, append(os.Environ(), "SSH_AUTH_SOCK="+socket), nil, "ssh-add", "-q", key)
	}
	return socket
}

func publicKey(t *testing.T, path string) string {
	t.Helper()
	return strings.TrimSpace(string(get(t, path+".pub")))
}

// signersFile writes an allowed_signers and reads it.
func signersFile(t *testing.T, lines ...string) (string, Signers) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "allowed_signers")
	put(t, path, []byte(strings.Join(lines, "\n")+"\n"))
	s, err := ReadSigners(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, s
}

func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// TestKeygenVerifiesOurs checks statement and lines of runs signed by each kind
// of key, from a file and through an agent, with the real ssh-keygen.
func TestKeygenVerifiesOurs(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		for _, source := range []string{"file", "agent"} {
			t.Run(kind+"-"+source, func(t *testing.T) {
				t.Parallel()
				key := keygen(t, kind, "")
				env := environ("RUNBOOK_IDENTITY", key)
				if source == "agent" {
					env = environ("RUNBOOK_IDENTITY", key+".pub", "SSH_AUTH_SOCK", startAgent(t, key))
				}
				id, why, err := FindIdentity(t.TempDir(), env)
				if err != nil || id == nil {
					t.Fatal(id, why, err)
				}
				if !strings.HasPrefix(id.Source(), source) {
					t.Errorf("source %q", id.Source())
				}
				file, signers := signersFile(t, `ann@example.com namespaces="session@runbook-log" `+publicKey(t, key))
				dir := finished(t, Options{Identity: id})
				r := Verify(dir, Policy{Signers: signers})
				if r.Exit() != 0 || !strings.Contains(r.Identity.Text, "ann@example.com SHA256:") {
					t.Fatalf("exit %d %q", r.Exit(), r.Lines())
				}
				checkWithKeygen(t, dir, file)
			})
		}
	}
}

func checkWithKeygen(t *testing.T, dir, signers string) {
	t.Helper()
	entries, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s session
	if err := json.Unmarshal(entries[0].Body, &s); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.Identity, "ssh-rsa") {
		if sig, err := sshsig.Unarmor([]byte(s.SSHSig)); err != nil || sig.Signature.Format != ssh.KeyAlgoRSASHA512 {
			t.Errorf("an RSA signature that is not rsa-sha2-512: %v", err)
		}
	}
	verify := func(file, principal, namespace, sig, message string) error {
		path := filepath.Join(t.TempDir(), "sig")
		put(t, path, []byte(sig))
		out, err := try(t, nil, []byte(message), "ssh-keygen", "-Y", "verify", "-f", file, "-I", principal, "-n", namespace, "-s", path)
		if err == nil && !strings.HasPrefix(out, "Good") {
			return fmt.Errorf("exit 0, but %s", out)
		}
		return err
	}
	if err := verify(signers, "ann@example.com", SessionNamespace(Real), s.SSHSig, s.Stmt); err != nil {
		t.Errorf("session statement: %v", err)
	}
	if verify(signers, "ann@example.com", SessionNamespace(Real), s.SSHSig, s.Stmt+" ") == nil {
		t.Error("an altered statement is good")
	}
	if verify(signers, "ann@example.com", SessionNamespace(Practice), s.SSHSig, s.Stmt) == nil {
		t.Error("a real statement is good as practice")
	}
	key, err := s.key()
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file, _ := signersFile(t, "session "+string(ssh.MarshalAuthorizedKey(public)))
	for i := range entries {
		armored := rewrap(t, public, &entries[i])
		message := string(entries[i].signed())
		if err := verify(file, "session", EntryNamespace(Real), armored, message); err != nil {
			t.Errorf("entry %d: %v", i+1, err)
		}
		if verify(file, "session", EntryNamespace(Real), armored, message+" ") == nil {
			t.Errorf("entry %d: altered, and good", i+1)
		}
	}
}

// rewrap puts the bare signature of a line into the armor of ssh-keygen.
func rewrap(t *testing.T, key ssh.PublicKey, e *Entry) string {
	t.Helper()
	var raw []byte
	if err := json.Unmarshal([]byte(`"`+e.Sig+`"`), &raw); err != nil {
		t.Fatal(err)
	}
	return string(sshsig.Armor(&sshsig.Signature{
		Version: 1, PublicKey: key, Namespace: EntryNamespace(Real), HashAlgorithm: sshsig.HashSHA512,
		Signature: &ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: raw},
	}))
}

func TestFindIdentityOrder(t *testing.T) {
	t.Parallel()
	one, two, locked := keygen(t, "ed25519", ""), keygen(t, "ed25519", ""), keygen(t, "ed25519", "secret phrase")
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(home, ".ssh", "id_ed25519"), get(t, locked))
	none, both, single := startAgent(t), startAgent(t, one, two), startAgent(t, two)
	config := func(lines ...string) string {
		file, _ := signersFile(t, lines...)
		return filepath.Dir(file)
	}
	listed := "ann " + publicKey(t, one)
	other := `ann namespaces="signoff.*" ` + publicKey(t, one)
	dead := filepath.Join(t.TempDir(), "nobody")
	for name, c := range map[string]struct {
		config string
		env    func(string) string
		want   string // file of the key, empty for none
		why    string
	}{
		"nothing":             {config(), environ(), "", "no ssh agent"},
		"empty agent":         {config(), environ("SSH_AUTH_SOCK", none), "", "holds no key"},
		"dead agent":          {config(), environ("SSH_AUTH_SOCK", dead), "", "does not answer"},
		"two keys":            {config(), environ("SSH_AUTH_SOCK", both), "", "none of the 2 keys"},
		"two, one listed":     {config(listed), environ("SSH_AUTH_SOCK", both), one, ""},
		"two, both listed":    {config(listed, "bob "+publicKey(t, two)), environ("SSH_AUTH_SOCK", both), "", "2 keys in the agent are listed"},
		"two, other purpose":  {config(other), environ("SSH_AUTH_SOCK", both), "", "none of the 2 keys"},
		"only key":            {config(listed), environ("SSH_AUTH_SOCK", single), two, ""},
		"named file":          {config(), environ("RUNBOOK_IDENTITY", one, "SSH_AUTH_SOCK", single), one, ""},
		"named public":        {config(), environ("RUNBOOK_IDENTITY", two+".pub", "SSH_AUTH_SOCK", both), two, ""},
		"home, passphrase":    {config(), environ("HOME", home), "", "has a passphrase"},
		"home behind agent":   {config(), environ("HOME", filepath.Dir(one), "SSH_AUTH_SOCK", single), two, ""},
		"no config directory": {filepath.Join(home, "none"), environ("SSH_AUTH_SOCK", single), two, ""},
	} {
		id, why, err := FindIdentity(c.config, c.env)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && (id != nil || !strings.Contains(why, c.why) || strings.Contains(why, "\n")):
			t.Errorf("%s: %v, %q", name, id, why)
		case c.want != "" && (id == nil || strings.TrimSpace(string(ssh.MarshalAuthorizedKey(id.PublicKey()))) != strings.TrimSuffix(publicKey(t, c.want), " test")):
			t.Errorf("%s: %v, %q", name, id, why)
		}
	}
	for name, env := range map[string]func(string) string{
		"missing file":     environ("RUNBOOK_IDENTITY", dead),
		"passphrase":       environ("RUNBOOK_IDENTITY", locked),
		"not in the agent": environ("RUNBOOK_IDENTITY", one+".pub", "SSH_AUTH_SOCK", single),
		"no agent":         environ("RUNBOOK_IDENTITY", one+".pub"),
	} {
		if id, _, err := FindIdentity(t.TempDir(), env); err == nil || id != nil {
			t.Errorf("%s: %v, %v", name, id, err)
		}
	}
	put(t, filepath.Join(home, ".ssh", "id_ed25519"), get(t, one))
	if id, why, err := FindIdentity(t.TempDir(), environ("HOME", home)); err != nil || id == nil {
		t.Errorf("home: %q %v", why, err)
	}
	if err := os.Chmod(one, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := KeyFile(one); err == nil {
		t.Error("a private key that everybody reads was accepted")
	}
}

// TestAgentHangs asks a socket where nobody answers.
func TestAgentHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := silent.Close(); err != nil {
			t.Error(err)
		}
	})
	began := time.Now()
	id, why, err := FindIdentity(dir, environ("SSH_AUTH_SOCK", filepath.Join(dir, "s")))
	if took := time.Since(began); id != nil || err != nil || took < agentAnswer/2 || took > 5*agentAnswer {
		t.Errorf("%v %q %v after %v", id, why, err, took)
	}
}

// TestKeyThatDoesNotSign takes the key out of the agent between finding it and
// signing: the run begins all the same, and says so.
func TestKeyThatDoesNotSign(t *testing.T) {
	t.Parallel()
	key := keygen(t, "ed25519", "")
	socket := startAgent(t, key)
	id, _, err := FindIdentity(t.TempDir(), environ("SSH_AUTH_SOCK", socket))
	if err != nil || id == nil {
		t.Fatal(id, err)
	}
	command(t, append(os.Environ(), "SSH_AUTH_SOCK="+socket), nil, "ssh-add", "-q", "-D")
	dir := finished(t, Options{Identity: id})
	_, signers := signersFile(t, "ann "+publicKey(t, key))
	if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 4 || !strings.Contains(r.Identity.Text, "no longer in the agent") {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
}

func TestIdentityVerdicts(t *testing.T) {
	t.Parallel()
	key := keygen(t, "ed25519", "")
	id, err := KeyFile(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := finished(t, Options{Identity: id})
	public := publicKey(t, key)
	for line, want := range map[string]string{
		"ann " + public: "",
		`ann,bob namespaces="git,session@*" ` + public:                                    "",
		`ann namespaces="session@runbook-log",valid-after="20200101",valid-before="2999"`: "error",
		`ann valid-after="20200101Z",valid-before="29990101120000Z" ` + public:            "",
		`ann valid-before="20200101" ` + public:                                           "not valid after",
		`ann valid-after="29990101" ` + public:                                            "not valid before",
		`ann namespaces="session@practice.runbook-log" ` + public:                         "does not list it",
		`ann namespaces="!session@runbook-log,*" ` + public:                               "does not list it",
		`ann cert-authority ` + public:                                                    "not in allowed_signers",
		"bob " + publicKey(t, keygen(t, "ed25519", "")):                                   "not in allowed_signers",
		`ann unheard-of="x" ` + public:                                                    "error",
		`ann`:                                                                             "error",
		`ann namespaces=session@runbook-log ` + public:                                    "error",
		`ann namespaces="*", ` + public:                                                   "error",
		"!bob,* " + public:                                                                "error",
		"ann " + public + "\rbob":                                                         "error",
		`ann namespaces="" ` + public:                                                     "error",
		"# ann " + public:                                                                 "not in allowed_signers",
		"bob valid-before=\"20200101\" " + public + "\nann " + public:                     "",
		"\"ann smith\" " + public:                                                         "",
	} {
		path := filepath.Join(t.TempDir(), "allowed_signers")
		put(t, path, []byte(line+"\n"))
		s, err := ReadSigners(path)
		if want == "error" {
			if err == nil {
				t.Errorf("%s: read", line)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		r := Verify(dir, Policy{Signers: s})
		if want == "" && r.Exit() != 0 || want != "" && (r.Exit() != 4 || !strings.Contains(r.Identity.Text, want)) {
			t.Errorf("%s: exit %d, %q", line, r.Exit(), r.Identity)
		}
		sameAsKeygen(t, dir, path, want == "")
	}
	if r := Verify(dir, Policy{}); r.Exit() != 4 || !strings.Contains(r.Identity.Text, "no allowed_signers") {
		t.Errorf("no signers: %q", r.Lines())
	}
	if r := Verify(finished(t, Options{NoIdentity: "no agent"}), Policy{}); r.Exit() != 4 || !strings.Contains(r.Identity.Text, "no person signed: no agent") {
		t.Errorf("no key: %q", r.Lines())
	}
}

// sameAsKeygen holds our reading of allowed_signers against OpenSSH's.
func sameAsKeygen(t *testing.T, dir, signers string, want bool) {
	t.Helper()
	entries, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s session
	if err := json.Unmarshal(entries[0].Body, &s); err != nil {
		t.Fatal(err)
	}
	sig := filepath.Join(t.TempDir(), "sig")
	put(t, sig, []byte(s.SSHSig))
	good := false
	for _, who := range []string{"ann", "ann smith"} {
		_, err := try(t, nil, []byte(s.Stmt), "ssh-keygen", "-Y", "verify", "-f", signers, "-I", who, "-n", SessionNamespace(Real), "-s", sig)
		good = good || err == nil
	}
	if good != want {
		t.Errorf("%s: ssh-keygen says %v, we say %v", get(t, signers), good, want)
	}
}
