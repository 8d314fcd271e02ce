package docker

import (
	"fmt"
	"slices"
	"time"
)

// each runs do for every named container and prints the name where it worked,
// as docker does: one failure does not keep the others.
func (e *Engine) each(call Call, refs []string, do func(*container) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var failed error
	for _, ref := range refs {
		c := e.findContainer(ref)
		err := fmt.Errorf("No such container: %s", ref) //nolint:staticcheck // docker's own words
		if c != nil {
			err = do(c)
		}
		if err == nil {
			_, err = fmt.Fprintln(call.Out, ref)
		}
		if err != nil {
			_, _ = fmt.Fprintf(call.Err, "Error response from daemon: %v\n", err)
			failed = errSilent
		}
	}
	return failed
}

func (e *Engine) stop(call Call) error {
	flags := newFlags("stop")
	grace := flags.IntP("time", "t", 10, "")
	if err := parse(flags, call.Args, 1, -1); err != nil {
		return err
	}
	return e.each(call, flags.Args(), func(c *container) error {
		c.halt(time.Duration(*grace) * time.Second)
		return nil
	})
}

// restart is docker start: it starts a container again, with the environment
// it was made with.
func (e *Engine) restart(call Call) error {
	flags := newFlags("start")
	if err := parse(flags, call.Args, 1, -1); err != nil {
		return err
	}
	return e.each(call, flags.Args(), func(c *container) error {
		if c.running() {
			return nil
		}
		if err := c.start(e); err != nil {
			return fmt.Errorf("driver failed programming external connectivity on endpoint %s (%s): %w", c.name, c.id, err)
		}
		return nil
	})
}

func (e *Engine) remove(call Call) error {
	flags := newFlags("rm")
	force := flags.BoolP("force", "f", false, "")
	if err := parse(flags, call.Args, 1, -1); err != nil {
		return err
	}
	return e.each(call, flags.Args(), func(c *container) error {
		if c.running() && !*force {
			return fmt.Errorf("cannot remove container %q: container is running: stop the container before removing or force remove", "/"+c.name)
		}
		c.halt(0)
		e.containers = slices.DeleteFunc(e.containers, func(other *container) bool { return other == c })
		return nil
	})
}

func (e *Engine) rename(call Call) error {
	flags := newFlags("rename")
	if err := parse(flags, call.Args, 2, 2); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	c, name := e.findContainer(flags.Arg(0)), flags.Arg(1)
	if c == nil {
		return fail(1, "Error response from daemon: No such container: %s", flags.Arg(0))
	}
	if !validName.MatchString(name) {
		return fail(1, "Error response from daemon: Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name)
	}
	if other := e.findContainer(name); other != nil {
		return fail(1, "Error response from daemon: Error when allocating new name: Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.", "/"+name, other.id)
	}
	c.name = name
	return nil
}

func (e *Engine) tag(call Call) error {
	flags := newFlags("tag")
	if err := parse(flags, call.Args, 2, 2); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	source, name := e.findImage(flags.Arg(0)), withTag(flags.Arg(1))
	if source == nil {
		return fail(1, "Error response from daemon: No such image: %s", withTag(flags.Arg(0)))
	}
	for _, i := range e.images {
		i.Tags = slices.DeleteFunc(i.Tags, func(t string) bool { return t == name })
	}
	source.Tags = append(source.Tags, name)
	return nil
}

func (e *Engine) logs(call Call) error {
	flags := newFlags("logs")
	count := flags.StringP("tail", "n", "all", "")
	since := flags.String("since", "", "")
	if err := parse(flags, call.Args, 1, 1); err != nil {
		return err
	}
	from, err := moment(*since)
	if err != nil {
		return err
	}
	e.mu.Lock()
	c := e.findContainer(flags.Arg(0))
	e.mu.Unlock()
	if c == nil {
		return fail(1, "Error response from daemon: No such container: %s", flags.Arg(0))
	}
	return c.log.last(call.Out, number(*count), from)
}
