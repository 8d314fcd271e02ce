package monitor

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Node gives the figures of the machine as its exporter would; dir lies on the
// file system that counts. Where there is no /proc, only that is known.
func Node(dir string) Source {
	return func(context.Context) (string, error) {
		var b strings.Builder
		line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			return "", err
		}
		line(`node_filesystem_size_bytes{mountpoint="/"} %d`, fs.Blocks*uint64(fs.Bsize))  // #nosec G115 -- positive
		line(`node_filesystem_avail_bytes{mountpoint="/"} %d`, fs.Bavail*uint64(fs.Bsize)) // #nosec G115 -- positive
		line(`node_filesystem_files{mountpoint="/"} %d`, fs.Files)
		line(`node_filesystem_files_free{mountpoint="/"} %d`, fs.Ffree)
		for l := range strings.Lines(read("/proc/meminfo")) {
			if f := strings.Fields(l); len(f) == 3 {
				if kib, err := strconv.ParseUint(f[1], 10, 54); err == nil {
					line("node_memory_%s_bytes %d", strings.Trim(strings.NewReplacer("(", "_", ")", "").Replace(f[0]), ":"), kib<<10)
				}
			}
		}
		if f := strings.Fields(read("/proc/loadavg")); len(f) > 2 {
			line("node_load1 %s\nnode_load5 %s\nnode_load15 %s", f[0], f[1], f[2])
		}
		modes := []string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}
		for l := range strings.Lines(read("/proc/stat")) {
			f := strings.Fields(l)
			if len(f) <= len(modes) || !strings.HasPrefix(f[0], "cpu") || f[0] == "cpu" {
				continue
			}
			for i, mode := range modes {
				if ticks, err := strconv.ParseFloat(f[i+1], 64); err == nil {
					line(`node_cpu_seconds_total{cpu=%q,mode=%q} %g`, f[0][3:], mode, ticks/100)
				}
			}
		}
		return b.String(), nil
	}
}

func read(file string) string {
	text, err := os.ReadFile(file) // #nosec G304 -- of /proc
	if err != nil {
		return ""
	}
	return string(text)
}
