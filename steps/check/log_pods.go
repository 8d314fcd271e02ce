package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"runbook/steps"
)

// loggedPod is a pod as far as its logs go.
type loggedPod struct {
	Metadata objectMeta
	Spec     struct{ Containers []struct{ Name string } }
	Status   struct{ ContainerStatuses []loggedContainer }
}

type loggedContainer struct {
	Name         string
	RestartCount int
	State        struct {
		Running *struct{ StartedAt time.Time }
	}
	LastState struct {
		Terminated *struct{ StartedAt time.Time }
	}
}

// pods reads what every pod of a deployment printed. `kubectl logs deployment/…`
// would read one of them, and what reads all at once is as new as it is limited.
func (c *Log) pods(whole context.Context, w *steps.World, than time.Time) (logLines, error) {
	ctx, cancel := context.WithTimeout(whole, cmp.Or(c.Timeout.D(), 30*time.Second))
	defer cancel()
	k := kubectl{engine{ctx, w}, c.Context, c.Namespace}
	found, err := get[deployment](k, "deployments.apps", c.Deployment)
	switch {
	case err != nil:
		return logLines{}, err
	case len(found) == 0:
		return logLines{}, fmt.Errorf("%s is no deployment here", outside(c.Deployment))
	case found[0].selector() == "":
		return logLines{}, fmt.Errorf("%s has no labels by which its pods are found", outside(c.Deployment))
	}
	pods, err := get[loggedPod](k, "pods", "-l", found[0].selector())
	if err == nil && len(pods) == 0 {
		err = fmt.Errorf("%s has no pod", outside(c.Deployment))
	}
	if err != nil {
		return logLines{}, err
	}
	l := &podLogs{Log: c, kubectl: k, than: than, all: logLines{timed: true}}
	for _, pod := range pods {
		for _, container := range pod.Spec.Containers {
			if err := l.container(pod, container.Name); err != nil {
				return logLines{}, fmt.Errorf("pod %s: %w", outside(pod.Metadata.Name), err)
			}
		}
	}
	return l.all, nil
}

// podLogs is one reading.
type podLogs struct {
	*Log
	kubectl
	than time.Time
	all  logLines
}

// container reads what one printed since then, and before it was started again
// if that was since then too.
func (l *podLogs) container(pod loggedPod, name string) error {
	if err := l.read(pod, name); err != nil || l.than.IsZero() {
		return err
	}
	var now loggedContainer
	for _, one := range pod.Status.ContainerStatuses {
		if one.Name == name {
			now = one
		}
	}
	switch running := now.State.Running; {
	case running == nil || running.StartedAt.Before(l.than):
		return l.begins(pod, name)
	case now.RestartCount == 0:
		return nil
	}
	if last := now.LastState.Terminated; now.RestartCount > 1 && (last == nil || last.StartedAt.After(l.than)) {
		l.all.cut = fmt.Sprintf("%s of pod %s was started again %d times: of its logs the last two are kept", outside(name), outside(pod.Metadata.Name), now.RestartCount)
	}
	return l.read(pod, name, "--previous")
}

// read takes the lines of one log. What is younger is the cluster's to say.
func (l *podLogs) read(pod loggedPod, name string, options ...string) error {
	if l.Since > 0 {
		options = append(options, "--since="+strconv.Itoa(int(l.Since.D().Seconds()))+"s")
	}
	text, err := l.logs(pod, name, keptLog, options...)
	if err != nil {
		return err
	}
	l.all.add(text.head.Bytes(), false, time.Time{})
	if text.more {
		l.all.cut = "only the first 4 MiB of pod " + outside(pod.Metadata.Name) + " were looked at"
	}
	return nil
}

// firstOfLog is enough of a log to hold the time of its first line, in bytes.
const firstOfLog = 4096

// begins holds when a log begins against the time since when it is wanted: a
// container that is older and whose log is not has had it rotated.
func (l *podLogs) begins(pod loggedPod, name string) error {
	text, err := l.logs(pod, name, firstOfLog, "--timestamps", "--limit-bytes="+strconv.Itoa(firstOfLog))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(text.head.String(), " ")
	if first == "" {
		return nil // it has never printed a line
	}
	at, err := time.Parse(time.RFC3339Nano, first)
	if err != nil {
		return errors.New("its log does not tell when it begins")
	}
	if at.After(l.than) {
		l.all.cut = fmt.Sprintf("the log of pod %s begins at %s, later than its container: what was before was rotated away", outside(pod.Metadata.Name), at.UTC().Format(time.RFC3339))
	}
	return nil
}

func (l *podLogs) logs(pod loggedPod, name string, most int, options ...string) (*kept, error) {
	argv := append([]string{"kubectl", "--context", l.context, "-n", l.namespace, "--request-timeout=15s", "logs", pod.Metadata.Name, "-c", name}, options...)
	ended, err := program{argv: argv, limit: 20 * time.Second, keep: most}.run(l.ctx, l.w)
	if err != nil {
		return nil, err
	}
	if !ended.state.Success() {
		return nil, fmt.Errorf("its log can't be read: %s", outside(lastLine(&ended.stderr)))
	}
	return &ended.stdout, nil
}
