package check_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// TestHost looks at the machine the tests run on.
func TestHost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		check   check.Host
		verdict steps.Verdict
		reason  string
	}{
		"memory":          {check.Host{MinMemory: "64MB"}, steps.Pass, ""},
		"too little":      {check.Host{MinMemory: "900000GB"}, steps.Fail, "wanted at least 900000GB"},
		"memory in use":   {check.Host{MaxMemoryPercent: "101"}, steps.Pass, ""},
		"too much in use": {check.Host{MaxMemoryPercent: "0"}, steps.Fail, "memory in use is"},
		"CPUs":            {check.Host{MinCPUs: "1"}, steps.Pass, ""},
		"too few CPUs":    {check.Host{MinCPUs: "100000"}, steps.Fail, "wanted at least 100000"},
		"load":            {check.Host{MaxLoadPercent: "1000000"}, steps.Pass, ""},
		"load too high":   {check.Host{MaxLoadPercent: "0"}, steps.Fail, "load of 5 minutes is"},
		"CPU":             {check.Host{MaxCPUPercent: "101", Over: short(100 * time.Millisecond)}, steps.Pass, ""},
		"CPU too high":    {check.Host{MaxCPUPercent: "0", Over: short(100 * time.Millisecond)}, steps.Fail, "CPU over 100ms is"},
		"disk":            {check.Host{Path: "/", MinDisk: "1MB", MinFreePercent: "0", MinInodesPercent: "0"}, steps.Pass, ""},
		"too small":       {check.Host{Path: "/", MinDisk: "900000GB"}, steps.Fail, "disk is"},
		"too full":        {check.Host{Path: "/", MinFreePercent: "101"}, steps.Fail, "disk free is"},
		"no such path":    {check.Host{Path: "/no/such/path", MinFreePercent: "1"}, steps.Unknown, "/no/such/path"},
		"relative path":   {check.Host{Path: ".", MinFreePercent: "0"}, steps.Pass, ""},
		"not there":       {check.Host{Path: "-nowhere", MinFreePercent: "0"}, steps.Unknown, "the disk of -nowhere cannot be read"},
		"nothing":         {check.Host{}, steps.Unknown, "no limit is given"},
		"no path":         {check.Host{MinDisk: "1GB"}, steps.Unknown, "path: goes with"},
		"only a path":     {check.Host{Path: "/"}, steps.Unknown, "no limit is given"},
		"bad size":        {check.Host{MinMemory: "much"}, steps.Unknown, "min_memory"},
		"bad limit":       {check.Host{MaxLoadPercent: "low"}, steps.Unknown, "max_load_percent"},
		"bad word":        {check.Host{Updates: "all"}, steps.Unknown, `updates: "all" is not none`},
		"left blank":      {check.Host{MinMemory: "${memory}"}, steps.Unknown, "wanted at least"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, world(t, nil))
			want(t, r, c.verdict, c.reason)
		})
	}
	decode[*check.Host](t, "host", map[string]any{"path": "${disk}", "min_disk": "50GB", "max_cpu_percent": "${cpu}", "over": "1s", "updates": "none", "reboot": "none"})
	w := world(t, nil)
	w.Env = []string{"PATH=/nowhere"}
	want(t, do(t, &check.Host{MinCPUs: "1"}, w), steps.Unknown, "sh is not in the target's path")
}

// What machines of other kinds print.
func TestHostOfAnotherKind(t *testing.T) {
	t.Parallel()
	const (
		security = "Inst libssl3 [3.0.11-1~deb12u1] (3.0.13-1~deb12u1 Debian-Security:12/stable-security [amd64])\nConf libssl3 (3.0.13-1~deb12u1 Debian-Security:12/stable-security [amd64])\n"
		other    = "Inst base-files [12.4+deb12u11] (12.4+deb12u15 Debian:12.15/oldstable [amd64])\n"
		ubuntu   = "Inst openssl [3.0.2-0ubuntu1.14] (3.0.2-0ubuntu1.15 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])\n"
		kernels  = "config-6.1.0-18-amd64 grub initrd.img-6.1.0-18-amd64 vmlinuz-6.1.0-18-amd64 vmlinuz-6.1.0-9-amd64 vmlinuz-6.1.0-20-cloud-amd64"
		btrfs    = "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/sda2 0 0 0 - /var/lib\n"
		space    = "Filesystem 1024-blocks Used Available Capacity Mounted on\n//nas/my share 1000 400 600 40% /mnt/my share\n"
	)
	updates := check.Host{Updates: "none"}
	reboot := check.Host{Reboot: "none"}
	for name, c := range map[string]struct {
		check    check.Host
		programs map[string]string // what they print
		verdict  steps.Verdict
		reason   string
	}{
		"no update":       {updates, map[string]string{"apt-get": ""}, steps.Pass, ""},
		"others":          {updates, map[string]string{"apt-get": other}, steps.Pass, ""},
		"security":        {updates, map[string]string{"apt-get": other + security}, steps.Fail, "1 security updates wait, the first is libssl3"},
		"Ubuntu":          {updates, map[string]string{"apt-get": ubuntu + security}, steps.Fail, "2 security updates wait, the first is openssl"},
		"no lists":        {updates, map[string]string{"apt-get": "", "find": ""}, steps.Unknown, "older than 7 days"},
		"an old list":     {updates, map[string]string{"apt-get": "", "find": "fresh /lists/docker_InRelease\nold /lists/debian_InRelease"}, steps.Unknown, "older than 7 days"},
		"old security":    {updates, map[string]string{"apt-get": "", "find": "fresh /lists/docker_InRelease\nold /lists/bookworm-security_InRelease"}, steps.Unknown, "older than 7 days"},
		"fresh security":  {updates, map[string]string{"apt-get": "", "find": "old /lists/debian_InRelease\nfresh /lists/bookworm-security_InRelease"}, steps.Pass, ""},
		"newest kernel":   {reboot, map[string]string{"uname": "6.1.0-18-amd64", "ls": kernels}, steps.Pass, ""},
		"newer kernel":    {reboot, map[string]string{"uname": "6.1.0-9-amd64", "ls": kernels}, steps.Fail, "kernel 6.1.0-9-amd64 runs, 6.1.0-18-amd64 is installed"},
		"of its kind":     {reboot, map[string]string{"uname": "6.1.0-20-cloud-amd64", "ls": kernels}, steps.Pass, ""},
		"foreign kernel":  {reboot, map[string]string{"uname": "6.6.1-microvm", "ls": kernels}, steps.Unknown, "is not under /boot"},
		"inodes as btrfs": {check.Host{Path: "/", MinInodesPercent: "10"}, map[string]string{"df": btrfs}, steps.Pass, ""},
		"share":           {check.Host{Path: "/", MinFreePercent: "60"}, map[string]string{"df": space}, steps.Pass, ""},
		"fuller share":    {check.Host{Path: "/", MinFreePercent: "61"}, map[string]string{"df": space}, steps.Fail, "disk free is 60.0 %"},
		"as it is sold":   {check.Host{MinMemory: "8GB"}, map[string]string{"cat": "MemTotal:        7450000 kB\nMemAvailable: 5000000 kB"}, steps.Pass, ""},
		"less":            {check.Host{MinMemory: "8GB"}, map[string]string{"cat": "MemTotal:        7400000 kB"}, steps.Fail, "memory is 7.6 GB"},
		"no MemAvailable": {check.Host{MaxMemoryPercent: "80"}, map[string]string{"cat": "MemTotal:  7450000 kB"}, steps.Unknown, "how much memory can be had"},
		"no Linux":        {check.Host{MinMemory: "1GB", MinCPUs: "1"}, map[string]string{"cat": "", "getconf": "undefined"}, steps.Unknown, "its memory cannot be read"},
		"clock stands":    {check.Host{MaxCPUPercent: "80", Over: short(time.Millisecond)}, map[string]string{"head": "cpu 1 2 3 4 5 6 7 8"}, steps.Unknown, "the time of its CPUs"},
		"hostile":         {updates, map[string]string{"apt-get": "Inst \x1b]0;owned\x07 [1] (2 x-security [amd64])\n"}, steps.Fail, "1 security updates"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t, nil)
			says(t, w, "apt-config", "echo \"lists='/'\"")
			says(t, w, "find", "echo fresh /lists/InRelease")
			for name, text := range c.programs {
				says(t, w, name, "printf '%s\\n' '"+text+"'")
			}
			r := do(t, &c.check, w)
			want(t, r, c.verdict, c.reason)
			never(t, r, "\x1b", "\x07")
		})
	}
	w := world(t, nil)
	says(t, w, "find", "echo fresh InRelease")
	says(t, w, "apt-get", "echo 'E: Unable to parse package file' >&2; exit 100")
	want(t, do(t, &updates, w), steps.Unknown, "apt-get does not tell what waits: E: Unable to parse")
}

// The lists' age is what the real find tells.
func TestHostLists(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	lists := t.TempDir()
	says(t, w, "apt-config", "echo \"lists='"+lists+"'\"")
	says(t, w, "apt-get", "")
	aged := func(name string, days int) {
		path, at := filepath.Join(lists, name), time.Now().AddDate(0, 0, -days)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	q := &check.Host{Updates: "none"}
	aged("mirror_dists_bookworm_InRelease", 90)
	aged("docker_dists_bookworm_InRelease", 1)
	want(t, do(t, q, w), steps.Unknown, "older than 7 days")
	aged("mirror_dists_bookworm-security_InRelease", 9)
	want(t, do(t, q, w), steps.Unknown, "older than 7 days")
	aged("mirror_dists_bookworm-security_InRelease", 2)
	want(t, do(t, q, w), steps.Pass, "")
}

// A path with a dash in front, and one with a space, are paths.
func TestHostPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"-P", "a b", "$(id)", "'"} {
		w := world(t, nil)
		says(t, w, filepath.Join("..", name), "") // a file of that name in the target's dir
		w.Env = []string{"PATH=/usr/bin:/bin"}
		want(t, do(t, &check.Host{Path: name, MinFreePercent: "0"}, w), steps.Pass, "")
	}
}
