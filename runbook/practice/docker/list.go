package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"
)

// containerRow and imageRow carry the names that --format may use.
type (
	containerRow struct{ ID, Image, Command, CreatedAt, RunningFor, Status, State, Ports, Names string }
	imageRow     struct{ Repository, Tag, ID, CreatedAt, CreatedSince, Size string }
)

func (e *Engine) list(call Call) error {
	flags := newFlags("ps")
	all := flags.BoolP("all", "a", false, "")
	quiet := flags.BoolP("quiet", "q", false, "")
	whole := flags.Bool("no-trunc", false, "")
	filters := flags.StringArrayP("filter", "f", nil, "")
	format := flags.String("format", "", "")
	if err := parse(flags, call.Args, 0, 0); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var rows []any
	for i := len(e.containers) - 1; i >= 0; i-- {
		c := e.containers[i]
		matches, err := c.matches(*filters)
		if err != nil {
			return err
		}
		if !matches || !c.running() && !*all && !strings.Contains(strings.Join(*filters, " "), "status=") {
			continue
		}
		id := c.id
		if !*whole {
			id = id[:12]
		}
		rows = append(rows, containerRow{
			ID: id, Image: c.ref, Command: `"node dist/main.js"`, CreatedAt: c.created.UTC().Format("2006-01-02 15:04:05 -0700 MST"),
			RunningFor: ago(c.created) + " ago", Status: c.status(), State: c.state, Ports: c.ports(), Names: c.name,
		})
	}
	if *quiet {
		*format = "{{.ID}}"
	}
	return print(call.Out, rows, *format, "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES",
		"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}")
}

// matches applies --filter. A name matches anywhere, or as docker's anchored
// ^/name$.
func (c *container) matches(filters []string) (bool, error) {
	for _, f := range filters {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "name":
			start, end := strings.HasPrefix(value, "^"), strings.HasSuffix(value, "$")
			want := strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(value, "^"), "$"), "/")
			if !strings.Contains(c.name, want) || start && !strings.HasPrefix(c.name, want) || end && !strings.HasSuffix(c.name, want) {
				return false, nil
			}
		case "status":
			if c.state != value {
				return false, nil
			}
		default:
			return false, errNotSimulated
		}
	}
	return true, nil
}

func (e *Engine) listImages(call Call) error {
	flags := newFlags("images")
	quiet := flags.BoolP("quiet", "q", false, "")
	whole := flags.Bool("no-trunc", false, "")
	format := flags.String("format", "", "")
	if err := parse(flags, call.Args, 0, 1); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var rows []any
	for n := len(e.images) - 1; n >= 0; n-- {
		i := e.images[n]
		id := i.ID
		if !*whole {
			id = strings.TrimPrefix(id, "sha256:")[:12]
		}
		tags := i.Tags
		if len(tags) == 0 {
			tags = []string{"<none>:<none>"}
		}
		for _, tag := range tags {
			cut := strings.LastIndex(tag, ":")
			if want := flags.Arg(0); want != "" && want != tag[:cut] && want != tag {
				continue
			}
			rows = append(rows, imageRow{tag[:cut], tag[cut+1:], id, i.Created.UTC().Format("2006-01-02 15:04:05 -0700 MST"), ago(i.Created) + " ago", fmt.Sprintf("%.1fkB", float64(i.Size)/1000)})
		}
	}
	if *quiet {
		*format = "{{.ID}}"
	}
	return print(call.Out, rows, *format, "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE", "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}")
}

// print writes rows by a template of the caller's, or as a table.
func print(w io.Writer, rows []any, format, header, row string) error {
	if strings.HasPrefix(format, "table") {
		return errNotSimulated
	}
	out := w
	if format == "" {
		table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
		defer table.Flush() //nolint:errcheck // the client went away
		out, format = table, row
		if _, err := fmt.Fprintln(out, header); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if err := render(out, format, r); err != nil {
			return err
		}
	}
	return nil
}

// render executes one template, whole or not at all, and ends the line.
func render(w io.Writer, format string, value any) error {
	funcs := template.FuncMap{"json": func(v any) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
	}}
	t, err := template.New("").Funcs(funcs).Option("missingkey=error").Parse(format)
	if err != nil {
		return fail(64, "template parsing error: %v", err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, value); err != nil {
		return fail(1, "template parsing error: %v", err)
	}
	_, err = fmt.Fprintln(w, text.String())
	return err
}
