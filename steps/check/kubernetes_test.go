package check_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// kubectl is one that prints what was written in the API's shape, with some
// texts in it replaced. What it is asked for, it notes in the file asked.
func kubectl(t *testing.T, replace ...string) *steps.World {
	t.Helper()
	w := holding(t, replace, "kubectl-deployments.json", "kubectl-pods.json", "kubectl-hpa.json")
	says(t, w, "kubectl", `echo "kubectl $*" >>asked
case "$6 $7" in
"get deployments.apps")
	cat kubectl-deployments.json
	case $* in *nobody*)
		echo 'Error from server (NotFound): deployments.apps "nobody" not found' >&2
		exit 1 ;;
	esac ;;
"get pods") cat kubectl-pods.json ;;
"get horizontalpodautoscalers.v2.autoscaling") cat kubectl-hpa.json ;;
*) echo "error: unknown command $*" >&2; exit 1 ;;
esac`)
	return w
}

const (
	kubeBackend  = "encrypted-email-backend"
	kubeFrontend = "encrypted-email-frontend"
)

// of names deployments for a check of them.
func of(c check.Kubernetes, names ...string) check.Kubernetes {
	c.Context, c.Namespace, c.Deployments = "production", "encrypted-email", names
	if c.Timeout == 0 {
		c.Timeout = short(2 * time.Second) // those that never settle are waited for so long, all at once
	}
	return c
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		check   check.Kubernetes
		replace []string
		verdict steps.Verdict
		reason  string
	}{
		"rolled out":        {of(check.Kubernetes{}, kubeBackend, kubeFrontend), nil, steps.Pass, ""},
		"all of it":         {of(check.Kubernetes{Image: ":1.4.0$", Limits: true, NonRoot: true, MaxRestarts: "2", HPA: true, HPAMin: "2", HPAMax: "10", HPACPU: "70"}, kubeBackend), nil, steps.Pass, ""},
		"missing":           {of(check.Kubernetes{}, kubeBackend, "nobody"), nil, steps.Fail, "nobody is no deployment here"},
		"not seen yet":      {of(check.Kubernetes{}, kubeBackend), []string{`"observedGeneration": 9`, `"observedGeneration": 8`}, steps.Fail, "has not seen its newest change"},
		"not updated":       {of(check.Kubernetes{}, kubeBackend), []string{`"updatedReplicas": 3`, `"updatedReplicas": 1`}, steps.Fail, "1 of 3 replicas are updated"},
		"old ones":          {of(check.Kubernetes{}, kubeBackend), []string{`"replicas": 3,` + "\n" + `                "updatedReplicas"`, `"replicas": 4,` + "\n" + `                "updatedReplicas"`}, steps.Fail, "1 old replicas are still there"},
		"not ready":         {of(check.Kubernetes{}, kubeBackend), []string{`"readyReplicas": 3`, `"readyReplicas": 2`}, steps.Fail, "2 of 3 replicas are ready, 3 available"},
		"not available":     {of(check.Kubernetes{}, kubeBackend), []string{`"availableReplicas": 3`, `"unavailableReplicas": 3`}, steps.Fail, "3 of 3 replicas are ready, 0 available"},
		"deadline":          {of(check.Kubernetes{Timeout: short(time.Hour)}, kubeBackend), []string{`"reason": "NewReplicaSetAvailable"`, `"reason": "ProgressDeadlineExceeded"`, `"updatedReplicas": 3`, `"updatedReplicas": 1`}, steps.Fail, "exceeded its progress deadline"},
		"scaled to nothing": {of(check.Kubernetes{Timeout: short(time.Hour)}, kubeBackend), []string{`"replicas": 3`, `"replicas": 0`}, steps.Fail, "scaled to 0"},
		"another image":     {of(check.Kubernetes{Image: ":1.5.0$"}, kubeBackend), nil, steps.Fail, `wanted an image that matches :1.5.0$`},
		"no limits":         {of(check.Kubernetes{Limits: true}, kubeFrontend), nil, steps.Fail, "encrypted-email-frontend/frontend has no limit of memory and CPU"},
		"no limit of CPU":   {of(check.Kubernetes{Limits: true}, kubeBackend), []string{`"cpu": "500m",`, ""}, steps.Fail, "no limit of CPU"},
		"root":              {of(check.Kubernetes{NonRoot: true}, kubeFrontend), nil, steps.Fail, "encrypted-email-frontend/frontend may run as root"},
		"root by number":    {of(check.Kubernetes{NonRoot: true}, kubeBackend), []string{`"runAsNonRoot": true`, `"runAsNonRoot": false`, `"runAsUser": 1000`, `"runAsUser": 0`}, steps.Fail, "may run as root"},
		"user by number":    {of(check.Kubernetes{NonRoot: true}, kubeBackend), []string{`"runAsNonRoot": true,`, ""}, steps.Pass, ""},
		"own says root":     {of(check.Kubernetes{NonRoot: true}, kubeBackend), []string{`"imagePullPolicy": "IfNotPresent",`, `"securityContext": {"runAsNonRoot": false, "runAsUser": 0},`}, steps.Fail, "may run as root"},
		"restarts":          {of(check.Kubernetes{MaxRestarts: "1"}, kubeBackend), nil, steps.Fail, "encrypted-email-backend-6f7c9b5d4-9qz7d/backend came up again 2 times"},
		"waits":             {of(check.Kubernetes{MaxRestarts: "9"}, kubeBackend), []string{`"running": {`, `"waiting": {"reason": "CrashLoopBackOff",`}, steps.Fail, "waits: CrashLoopBackOff"},
		"no autoscaler":     {of(check.Kubernetes{HPA: true}, kubeFrontend), nil, steps.Fail, "encrypted-email-frontend has no autoscaler"},
		"other minimum":     {of(check.Kubernetes{HPAMin: "3"}, kubeBackend), nil, steps.Fail, "scales from 2, wanted 3"},
		"other maximum":     {of(check.Kubernetes{HPAMax: "5"}, kubeBackend), nil, steps.Fail, "scales to 10, wanted 5"},
		"other CPU":         {of(check.Kubernetes{HPACPU: "80"}, kubeBackend), nil, steps.Fail, "at a CPU percentage of 70, wanted 80"},
		"can't scale":       {of(check.Kubernetes{HPA: true}, kubeBackend), []string{`"reason": "ValidMetricFound",` + "\n" + `                        "status": "True"`, `"reason": "FailedGetResourceMetric",` + "\n" + `                        "status": "False"`}, steps.Fail, "not ScalingActive: FailedGetResourceMetric"},
		"no metrics":        {of(check.Kubernetes{HPA: true}, kubeBackend), []string{`"averageUtilization": 31,`, ""}, steps.Unknown, "does not know the load"},
		"no JSON":           {of(check.Kubernetes{}, kubeBackend), []string{`"kind": "List"`, `"kind": `}, steps.Unknown, "no JSON"},
		"hostile":           {of(check.Kubernetes{Image: "x$"}, kubeBackend), []string{`:1.4.0"`, `\u001b]0;owned\u0007"`}, steps.Fail, "wanted an image"},
		"nowhere":           {check.Kubernetes{Deployments: []string{"a"}}, nil, steps.Unknown, "context, namespace"},
		"an option":         {of(check.Kubernetes{}, "--all"), nil, steps.Unknown, "would be an option"},
		"bad limit":         {of(check.Kubernetes{MaxRestarts: "few"}, "a"), nil, steps.Unknown, "max_restarts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, kubectl(t, c.replace...))
			want(t, r, c.verdict, c.reason)
			never(t, r, "S3cret", "\x1b", "\x07")
		})
	}
	decode[*check.Kubernetes](t, "kubernetes", map[string]any{"context": "${c}", "namespace": "${n}", "deployments": []string{"a"}, "image": ":${tag}$", "hpa": true, "timeout": "5m"})
}

func TestKubernetesWithoutACluster(t *testing.T) {
	t.Parallel()
	c := of(check.Kubernetes{}, "x")
	w := world(t, nil)
	w.Env = []string{"PATH=/nowhere"}
	want(t, do(t, &c, w), steps.Unknown, "kubectl is not in the target's path")
	says(t, w, "kubectl", `echo 'error: context "production" does not exist' >&2; exit 1`)
	want(t, do(t, &c, w), steps.Unknown, `context "production" does not exist`)
	says(t, w, "kubectl", `echo 'Error from server (Forbidden): deployments.apps is forbidden: User "ro" cannot list' >&2; exit 1`)
	want(t, do(t, &c, w), steps.Unknown, "Forbidden")
	says(t, w, "kubectl", `echo 'Error from server (NotFound): deployments.apps "x" not found' >&2; exit 1`)
	want(t, do(t, &c, w), steps.Fail, "x is no deployment here")
	says(t, w, "kubectl", "exec sleep 300")
	c.Timeout = short(300 * time.Millisecond)
	want(t, do(t, &c, w), steps.Unknown, "not done when the time of the check was over")
}

// The rollout is done the third time it is looked at; one alone comes as no list.
func TestKubernetesRolloutIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	says(t, w, "kubectl", `echo "$*" >>asked; n=$(wc -l <asked)
echo '{"kind": "Deployment", "metadata": {"name": "api", "generation": 2}, "spec": {"replicas": 3}, "status": {"observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": '$n'}}'`)
	c := of(check.Kubernetes{Timeout: short(time.Minute)}, "api")
	want(t, do(t, &c, w), steps.Pass, "")
	asked, err := os.ReadFile(filepath.Join(w.Dir, "asked"))
	if want := strings.Repeat("--context production -n encrypted-email --request-timeout=15s get deployments.apps api -o json\n", 3); err != nil || string(asked) != want {
		t.Errorf("asked %q, %v", asked, err)
	}
	says(t, w, "kubectl", `echo '{"kind": "Deployment", "metadata": {"name": "api", "generation": 2}, "spec": {}, "status": {"observedGeneration": 1}}'; echo >looked`)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(w.Dir, "looked")); err == nil {
				return
			}
		}
	}()
	want(t, c.Do(ctx, w), steps.Unknown, "interrupted")
}
