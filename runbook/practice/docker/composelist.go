package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
)

func keys(m map[string]string) iter.Seq[string] { return maps.Keys(m) }

// composeList is `compose ps`: a table, or with --format json one object a
// line.
func (e *Engine) composeList(call Call, p project) error {
	flags := newFlags("ps")
	all := flags.BoolP("all", "a", false, "")
	quiet := flags.BoolP("quiet", "q", false, "")
	format := flags.String("format", "table", "")
	if err := parse(flags, call.Args, 0, -1); err != nil {
		return err
	}
	services, err := p.chosen(flags.Args())
	if err != nil {
		return err
	}
	if *format != "table" && *format != "json" {
		return errNotSimulated
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var table bytes.Buffer
	lines := tabwriter.NewWriter(&table, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(lines, "NAME\tIMAGE\tSERVICE\tSTATUS\tPORTS")
	for _, s := range services {
		c := e.of(p.name, s.name)
		if c == nil || !c.running() && !*all {
			continue
		}
		health := c.healthState()
		status := c.status()
		if health != "" {
			status += " (" + health + ")"
		}
		switch {
		case *quiet:
			_, _ = fmt.Fprintln(call.Out, c.id)
		case *format == "json":
			if err := json.NewEncoder(call.Out).Encode(c.row(health, status)); err != nil {
				return err
			}
		default:
			_, _ = fmt.Fprintf(lines, "%s\t%s\t%s\t%s\t%s\n", c.name, c.ref, s.name, status, c.ports())
		}
	}
	if *quiet || *format == "json" {
		return nil
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	_, err = table.WriteTo(call.Out)
	return err
}

func (c *container) row(health, status string) object {
	publishers := []object{}
	for _, p := range c.publish {
		host, _ := strconv.Atoi(p.host) // parsePort has looked
		inside, _ := strconv.Atoi(p.inside)
		publishers = append(publishers, object{"URL": "127.0.0.1", "PublishedPort": host, "TargetPort": inside, "Protocol": "tcp"})
	}
	return object{
		"ID": c.id[:12], "Name": c.name, "Names": c.name, "Image": c.ref, "Project": c.project, "Service": c.service, "State": c.state,
		"Health": health, "Status": status, "ExitCode": c.exit, "Publishers": publishers, "CreatedAt": c.created.UTC().Format("2006-01-02 15:04:05 -0700 MST"),
	}
}

// composeLogs prints what the project's containers wrote; it never follows.
func (e *Engine) composeLogs(call Call, p project) error {
	flags := newFlags("logs")
	count := flags.StringP("tail", "n", "all", "")
	since := flags.String("since", "", "")
	bare := flags.Bool("no-log-prefix", false, "")
	flags.Bool("no-color", false, "")
	if err := parse(flags, call.Args, 0, -1); err != nil {
		return err
	}
	services, err := p.chosen(flags.Args())
	if err != nil {
		return err
	}
	from, err := moment(*since)
	if err != nil {
		return err
	}
	for _, s := range services {
		e.mu.Lock()
		c := e.of(p.name, s.name)
		e.mu.Unlock()
		if c == nil {
			continue
		}
		out := call.Out
		if !*bare {
			out = prefixed{call.Out, c.name + "  | "}
		}
		if err := c.log.last(out, number(*count), from); err != nil {
			return err
		}
	}
	return nil
}

// number is a --tail; what is no number is all.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// prefixed puts the container's name before each line of one write.
type prefixed struct {
	to     io.Writer
	before string
}

func (p prefixed) Write(text []byte) (int, error) {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		b.WriteString(p.before + line)
	}
	if _, err := io.WriteString(p.to, b.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// answers asks the health check's path on the published port.
func (c *container) answers(ctx context.Context) bool {
	check, err := url.Parse(c.health)
	if err != nil {
		return false
	}
	for _, p := range c.publish {
		if p.inside != check.Port() {
			continue
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+p.host+check.Path, nil)
		if err != nil {
			return false
		}
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req) // #nosec G704 -- the port it publishes
		if err != nil {
			return false
		}
		_ = resp.Body.Close() // its code was all we want
		return resp.StatusCode == http.StatusOK
	}
	return false
}
