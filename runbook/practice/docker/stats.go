package docker

import (
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"runbook/runbook/practice/web"
)

// engineVersion is what this engine calls itself.
const engineVersion = "28.5.2"

func sayVersion(call Call) error {
	flags := newFlags("version")
	format := flags.StringP("format", "f", "", "")
	if err := parse(flags, call.Args, 0, 0); err != nil {
		return err
	}
	one := object{"Version": engineVersion, "ApiVersion": "1.51", "Os": "linux", "Arch": runtime.GOARCH}
	both := object{"Client": one, "Server": one}
	switch *format {
	case "":
		_, err := fmt.Fprintf(call.Out, "Client:\n Version:           %s\n\nServer: the practice world's engine\n Engine:\n  Version:          %s\n", engineVersion, engineVersion)
		return err
	case "json":
		return json.NewEncoder(call.Out).Encode(both)
	}
	return render(call.Out, *format, both)
}

// usage is a row of docker stats, with the names that --format may use.
type usage struct {
	Container, Name, ID, CPUPerc, MemUsage, MemPerc, NetIO, BlockIO, PIDs string
}

// sayInfo is docker info, for a template.
func sayInfo(call Call) error {
	flags := newFlags("info")
	format := flags.StringP("format", "f", "", "")
	if err := parse(flags, call.Args, 0, 0); err != nil {
		return err
	}
	if *format == "" {
		return errNotSimulated
	}
	return render(call.Out, *format, object{"NCPU": runtime.NumCPU(), "MemTotal": web.MachineBytes(), "ServerVersion": engineVersion})
}

// stats measures the process that all containers of the world live in, over a
// fifth of a second: each row is that of the whole.
func (e *Engine) stats(call Call) error {
	flags := newFlags("stats")
	once := flags.Bool("no-stream", false, "")
	format := flags.String("format", "", "")
	flags.Bool("no-trunc", false, "")
	if err := parse(flags, call.Args, 0, -1); err != nil {
		return err
	}
	if !*once {
		return errNotSimulated // it would never end
	}
	before, began := web.CPUSeconds(), time.Now()
	time.Sleep(200 * time.Millisecond) // what a share of time is measured over
	cpu := 100 * (web.CPUSeconds() - before) / time.Since(began).Seconds()
	e.mu.Lock()
	defer e.mu.Unlock()
	chosen := e.containers
	if flags.NArg() > 0 {
		chosen = nil
		for _, ref := range flags.Args() {
			c := e.findContainer(ref)
			if c == nil {
				return fail(1, "Error response from daemon: No such container: %s", ref)
			}
			chosen = append(chosen, c)
		}
	}
	var rows []any
	for _, c := range chosen {
		if c.running() {
			rows = append(rows, c.usage(cpu))
		}
	}
	if *format == "json" {
		*format = "{{json .}}"
	}
	return print(call.Out, rows, *format, "CONTAINER ID\tNAME\tCPU %\tMEM USAGE / LIMIT\tMEM %\tNET I/O\tBLOCK I/O\tPIDS",
		"{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}")
}

func (c *container) usage(cpu float64) usage {
	used, limit := web.ResidentBytes(), uint64(c.memory) // #nosec G115 -- a size is positive
	if limit == 0 {
		limit = web.MachineBytes()
	}
	const mib = 1 << 20
	return usage{
		Container: c.id[:12], Name: c.name, ID: c.id[:12], CPUPerc: fmt.Sprintf("%.2f%%", cpu),
		MemUsage: fmt.Sprintf("%.1fMiB / %.1fMiB", float64(used)/mib, float64(limit)/mib), MemPerc: fmt.Sprintf("%.2f%%", 100*float64(used)/float64(limit)),
		NetIO: "0B / 0B", BlockIO: "0B / 0B", PIDs: fmt.Sprint(runtime.NumGoroutine()),
	}
}
