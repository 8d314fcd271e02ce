package check_test

import (
	"strings"
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

const strongKey = "q7Zt2LmXw9RbY4sKd8VhNc3Ug6JpTf1AeWx5QoMiBrE="

func TestEnv(t *testing.T) {
	t.Parallel()
	w := world(t, map[string]map[string]string{
		"service": {
			"JWT_SECRET": strongKey, "WEAK": "your-super-secret-jwt-key-change-in-production", "TOKEN_TTL": "900s", "BARE_TTL": "900",
			"ROUNDS": "10", "NODE_ENV": "production", "EMPTY": "", "DATABASE_URL": "postgres://app:hunter22@db/app", "WORD_SECRET": "hunter2",
		},
		"file:.env.staging": {"OTHER_SECRET": strongKey},
		"file:.env.dev":     {"JWT_SECRET": "another"},
		"file:.env.example": {"JWT_SECRET": "change-me", "NODE_ENV": ""},
		"file:.env.more":    {"NODE_ENV": "", "MISSING": "", "EMPTY": "x"},
		"file:.env.weak":    {"WEAK": ""},
		"file:.env.none":    {},
	})
	for name, c := range map[string]struct {
		check   check.Env
		verdict steps.Verdict
		reason  string
	}{
		"set":                      {check.Env{Name: "NODE_ENV"}, steps.Pass, ""},
		"empty":                    {check.Env{Name: "EMPTY"}, steps.Fail, "EMPTY: missing or empty"},
		"several missing":          {check.Env{Names: []string{"NODE_ENV", "A", "B"}}, steps.Fail, "A, B: missing"},
		"all of":                   {check.Env{AllOf: "file:.env.example", Secret: true}, steps.Pass, ""},
		"not all of":               {check.Env{AllOf: "file:.env.more"}, steps.Fail, "EMPTY, MISSING: missing or empty"},
		"a placeholder of all":     {check.Env{AllOf: "file:.env.weak", Secret: true}, steps.Fail, "is a placeholder"},
		"all of nothing":           {check.Env{AllOf: "file:.env.none"}, steps.Unknown, "names no variable"},
		"all of what is not there": {check.Env{AllOf: "file:.env.gone"}, steps.Unknown, "cannot be read"},
		"no such source":           {check.Env{Name: "A", Source: "file:nowhere"}, steps.Unknown, "cannot be read"},
		"equals":                   {check.Env{Name: "NODE_ENV", Equals: "production"}, steps.Pass, ""},
		"differs":                  {check.Env{Name: "NODE_ENV", Equals: "staging"}, steps.Fail, `"production" is not "staging"`},
		"one of":                   {check.Env{Name: "NODE_ENV", OneOf: []string{"staging"}}, steps.Fail, "none of the allowed"},
		"not in":                   {check.Env{Name: "NODE_ENV", NotIn: []string{"production"}}, steps.Fail, "refused"},
		"minimum":                  {check.Env{Name: "ROUNDS", Min: "12"}, steps.Fail, `"10" is below 12`},
		"within":                   {check.Env{Name: "ROUNDS", Min: "10", Max: "14"}, steps.Pass, ""},
		"maximum":                  {check.Env{Name: "ROUNDS", Max: "9"}, steps.Fail, "above 9"},
		"no number":                {check.Env{Name: "NODE_ENV", Min: "1"}, steps.Fail, "not a whole number"},
		"minimum is no number":     {check.Env{Name: "ROUNDS", Min: "twelve"}, steps.Unknown, "min"},
		"same duration":            {check.Env{Name: "TOKEN_TTL", Duration: "15m"}, steps.Pass, ""},
		"other duration":           {check.Env{Name: "TOKEN_TTL", Duration: "7d"}, steps.Fail, "is not 7d"},
		"duration without unit":    {check.Env{Name: "BARE_TTL", Duration: "15m"}, steps.Fail, "with a unit"},
		"strong":                   {check.Env{Name: "JWT_SECRET", Secret: true, MinBytes: 32, MinEntropyBits: 128, NotDefault: true}, steps.Pass, ""},
		"default":                  {check.Env{Name: "WEAK", Secret: true, NotDefault: true}, steps.Fail, "default"},
		"too few bytes":            {check.Env{Name: "WORD_SECRET", MinBytes: 32}, steps.Fail, "has 7 bytes"},
		"too few bits":             {check.Env{Name: "WEAK", MinEntropyBits: 128}, steps.Fail, "wanted at least 128"},
		"pattern":                  {check.Env{Name: "NODE_ENV", Match: "^prod"}, steps.Pass, ""},
		"no match":                 {check.Env{Name: "NODE_ENV", Match: "^dev"}, steps.Fail, "does not match"},
		"unique":                   {check.Env{Name: "JWT_SECRET", UniqueAcross: []string{"file:.env.dev", "service"}}, steps.Pass, ""},
		"shared":                   {check.Env{Name: "JWT_SECRET", UniqueAcross: []string{"file:.env.staging"}}, steps.Fail, "OTHER_SECRET in file:.env.staging"},
		"other cannot be read":     {check.Env{Name: "JWT_SECRET", UniqueAcross: []string{"file:none"}}, steps.Unknown, "not known"},
		"secret with wrong equals": {check.Env{Name: "WORD_SECRET", Equals: "correcthorse"}, steps.Fail, "not the wanted value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, w)
			want(t, r, c.verdict, c.reason)
			never(t, r, strongKey, "hunter2", "correcthorse")
		})
	}
	hidden := do(t, &check.Env{Name: "DATABASE_URL"}, w)
	want(t, hidden, steps.Pass, "")
	never(t, hidden, "hunter22", "app:")
}

func TestFingerprintOnlyOfStrongSecrets(t *testing.T) {
	t.Parallel()
	w := world(t, map[string]map[string]string{"service": {"STRONG_KEY": strongKey, "WEAK_KEY": "hunter2"}})
	if e := evidence(t, do(t, &check.Env{Name: "STRONG_KEY"}, w), "STRONG_KEY"); !strings.Contains(e.Value, "sha256 ") {
		t.Errorf("strong secret without fingerprint: %q", e.Value)
	}
	if e := evidence(t, do(t, &check.Env{Name: "WEAK_KEY"}, w), "WEAK_KEY"); strings.Contains(e.Value, "sha256") {
		t.Errorf("a guessable secret has a fingerprint to test guesses with: %q", e.Value)
	}
}
