package docker

import (
	"encoding/json"
	"fmt"
	"runtime"
	"time"
)

func (e *Engine) inspect(call Call) error          { return e.show(call, true, true) }
func (e *Engine) inspectContainer(call Call) error { return e.show(call, true, false) }
func (e *Engine) inspectImage(call Call) error     { return e.show(call, false, true) }

// show prints what is known of each name: a JSON list, or one line of the
// caller's template each. A name that is not known fails at the end.
func (e *Engine) show(call Call, containers, images bool) error {
	flags := newFlags("inspect")
	format := flags.StringP("format", "f", "", "")
	if err := parse(flags, call.Args, 1, -1); err != nil {
		return err
	}
	found, missing := e.lookUp(flags.Args(), containers, images)
	if *format == "" {
		text, err := json.MarshalIndent(found, "", "    ")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(call.Out, string(text)); err != nil {
			return err
		}
	} else if err := print(call.Out, found, *format, "", ""); err != nil {
		return err
	}
	for _, ref := range missing {
		message := "Error: No such object: " + ref
		if !images {
			message = "Error response from daemon: No such container: " + ref
		} else if !containers {
			message = "Error response from daemon: No such image: " + withTag(ref)
		}
		_, _ = fmt.Fprintln(call.Err, message)
	}
	if len(missing) > 0 {
		return errSilent
	}
	return nil
}

func (e *Engine) lookUp(refs []string, containers, images bool) (found []any, missing []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	found = []any{}
	for _, ref := range refs {
		if c := e.findContainer(ref); c != nil && containers {
			found = append(found, c.view())
		} else if i := e.findImage(ref); i != nil && images {
			found = append(found, i.view())
		} else {
			missing = append(missing, ref)
		}
	}
	return found, missing
}

// object is a part of docker's JSON; a template names its keys.
type object = map[string]any

func (c *container) view() object {
	bindings := object{}
	for _, p := range c.publish {
		bindings[p.inside+"/tcp"] = []object{{"HostIp": "127.0.0.1", "HostPort": p.host}}
	}
	user := c.user
	if user == "" {
		user = "node" // of the image
	}
	state := object{
		"Status": c.state, "Running": c.running(), "Paused": false, "Restarting": false, "OOMKilled": false, "Dead": false,
		"ExitCode": c.exit, "Error": "", "StartedAt": stamp(c.started), "FinishedAt": stamp(c.finished),
	}
	if health := c.healthState(); health != "" {
		state["Health"] = object{"Status": health, "FailingStreak": 0, "Log": []object{}}
	}
	labels := object{}
	if c.project != "" {
		labels["com.docker.compose.project"], labels["com.docker.compose.service"] = c.project, c.service
	}
	return object{
		"Id": c.id, "Name": "/" + c.name, "Image": c.image.ID, "Created": stamp(c.created), "RestartCount": 0,
		"State":           state,
		"Config":          object{"Image": c.ref, "Env": c.envList, "Cmd": []string{"node", "dist/main.js"}, "User": user, "Labels": labels},
		"HostConfig":      object{"RestartPolicy": object{"Name": c.restart}, "PortBindings": bindings, "Memory": c.memory, "NanoCpus": int64(c.cpus * 1e9)},
		"NetworkSettings": object{"Ports": bindings},
	}
}

func (i *image) view() object {
	return object{
		"Id": i.ID, "RepoTags": i.Tags, "RepoDigests": []string{}, "Created": stamp(i.Created), "Size": i.Size,
		"Architecture": runtime.GOARCH, "Os": "linux",
		"Config": object{"Cmd": []string{"node", "dist/main.js"}, "User": "node", "Labels": object{"org.opencontainers.image.version": i.Version}},
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
