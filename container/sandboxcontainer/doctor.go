//go:build linux

package sandboxcontainer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"quirl/container"
)

// Check finds out what sandboxes with this configuration have on this machine,
// for this user. It ends with a trial: one container that runs /bin/true.
func Check(ctx context.Context, config Config) []Finding {
	root := os.Geteuid() == 0
	findings := []Finding{
		checkKernel(),
		checkLauncher(config.Launcher),
		checkUserNamespaces(),
		checkCgroups(root),
		checkSeccomp(),
		checkNetwork(config, root),
		checkResolver(config),
		checkFolder(config, root),
	}
	return append(findings, tryOne(ctx, config))
}

func ok(name, found string) Finding { return Finding{Name: name, OK: true, Found: found} }

func checkKernel() Finding {
	const name, major, minor = "kernel", 5, 12
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Finding{Name: name, Found: err.Error(), Cost: "unknown"}
	}
	release := unix.ByteSliceToString(u.Release[:])
	var a, b int
	if _, err := fmt.Sscanf(release, "%d.%d", &a, &b); err == nil && (a > major || a == major && b >= minor) {
		return ok(name, release)
	}
	return Finding{Name: name, Required: true, Found: release, Cost: fmt.Sprintf("no sandboxes: Linux %d.%d or later is needed for recursive read-only mounts", major, minor)}
}

func checkLauncher(configured string) Finding {
	const name = "launcher"
	program, err := findLauncher(configured)
	if err != nil {
		return Finding{Name: name, Required: true, Found: err.Error(), Cost: "no sandboxes", Mend: "CGO_ENABLED=1 go build -tags seccomp quirl/cmd/quirl-sandbox"}
	}
	return ok(name, program)
}

func checkUserNamespaces() Finding {
	const name = "user namespaces"
	for _, limit := range []struct{ file, mend string }{
		{"/proc/sys/user/max_user_namespaces", "sysctl user.max_user_namespaces=16384"},
		{"/proc/sys/kernel/unprivileged_userns_clone", "sysctl kernel.unprivileged_userns_clone=1"},
	} {
		content, err := os.ReadFile(limit.file)
		if err == nil && strings.TrimSpace(string(content)) == "0" {
			return Finding{Name: name, Required: true, Found: limit.file + " is 0", Cost: "no sandboxes", Mend: limit.mend}
		}
	}
	if content, err := os.ReadFile("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"); err == nil && strings.TrimSpace(string(content)) == "1" && os.Geteuid() != 0 {
		return Finding{Name: name, Required: true, Found: "AppArmor keeps them from ordinary users", Cost: "no sandboxes", Mend: "sysctl kernel.apparmor_restrict_unprivileged_userns=0"}
	}
	if _, err := os.Stat("/proc/self/ns/user"); err != nil {
		return Finding{Name: name, Required: true, Found: "the kernel has none", Cost: "no sandboxes"}
	}
	return ok(name, "available")
}

func checkCgroups(root bool) Finding {
	const name = "cgroups"
	if !root {
		return Finding{
			Name: name, Found: "not delegated to this user",
			Cost: "no memory limit beyond one per process, no report of running out of memory, no CPU weight; pause by signals",
			Mend: "run quirl as root",
		}
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return checkControllers(name)
	}
	for _, controller := range []string{"memory", "pids", "cpu", "freezer", "devices"} {
		if _, err := os.Stat(filepath.Join("/sys/fs/cgroup", controller, "cgroup.procs")); err != nil {
			return Finding{Name: name, Required: true, Found: "version 1 without " + controller, Cost: "no sandboxes", Mend: "boot with systemd.unified_cgroup_hierarchy=1"}
		}
	}
	return ok(name, "version 1")
}

func checkControllers(name string) Finding {
	content, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	if err != nil {
		return Finding{Name: name, Required: true, Found: err.Error(), Cost: "no sandboxes"}
	}
	have := " " + strings.TrimSpace(string(content)) + " "
	for _, controller := range []string{"memory", "pids", "cpu"} {
		if !strings.Contains(have, " "+controller+" ") {
			return Finding{Name: name, Required: true, Found: "version 2 without " + controller, Cost: "no sandboxes", Mend: "boot with cgroup_enable=" + controller}
		}
	}
	return ok(name, "version 2")
}

func checkSeccomp() Finding {
	const name = "system call filter"
	status, err := os.ReadFile("/proc/self/status")
	if err != nil || !strings.Contains(string(status), "\nSeccomp:") {
		return Finding{Name: name, Required: true, Found: "the kernel has none", Cost: "no sandboxes", Mend: "use a kernel with CONFIG_SECCOMP_FILTER"}
	}
	return ok(name, "available")
}

func checkNetwork(config Config, root bool) Finding {
	const name = "network"
	switch {
	case config.withDefaults().Network == NetworkNone:
		return ok(name, "none is wanted")
	case root:
		return checkNAT(name)
	}
	if _, err := exec.LookPath("pasta"); err != nil {
		return Finding{Name: name, Found: "pasta is not installed", Cost: "containers have no network", Mend: "apt-get install passt"}
	}
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return Finding{Name: name, Found: err.Error(), Cost: "containers have no network", Mend: "chmod 666 /dev/net/tun"}
	}
	tun.Close()
	return ok(name, "pasta")
}

func checkNAT(name string) Finding {
	legacy, _ := os.ReadFile("/proc/net/ip_tables_names")
	if !strings.Contains(string(legacy), "filter") {
		return ok(name, "bridge and nftables")
	}
	for _, program := range []string{"iptables-legacy", "iptables"} {
		if _, err := exec.LookPath(program); err == nil {
			return ok(name, "bridge, nftables and "+program)
		}
	}
	return Finding{Name: name, Required: true, Found: "the kernel filters by legacy iptables, and no iptables is installed", Cost: "no sandboxes with a network", Mend: "apt-get install iptables"}
}

func checkResolver(config Config) Finding {
	const name = "name servers"
	if len(config.Nameservers) > 0 {
		return ok(name, strings.Join(config.Nameservers, " ")+" (configured)")
	}
	_, servers := readResolver()
	if len(servers) == 0 {
		return Finding{Name: name, Found: "none beyond the loopback interface", Cost: "containers cannot resolve names", Mend: "configure name servers for sandboxes"}
	}
	return ok(name, strings.Join(servers, " "))
}

func checkFolder(config Config, root bool) Finding {
	const name = "folder"
	config = config.withDefaults()
	if config.Log == nil {
		config.Log = quiet()
	}
	if err := config.check(); err != nil {
		return Finding{Name: name, Required: true, Found: err.Error(), Cost: "no sandboxes"}
	}
	for at := config.dir(); root && at != "/"; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err == nil && info.Mode().Perm()&0o001 == 0 {
			return Finding{Name: name, Required: true, Found: "containers cannot pass through " + at, Cost: "no sandboxes", Mend: "chmod o+x " + at}
		}
	}
	var fs unix.Statfs_t
	for at := config.dir(); ; at = filepath.Dir(at) {
		if err := unix.Statfs(at, &fs); err == nil {
			break
		}
		if at == "/" {
			return Finding{Name: name, Required: true, Found: config.dir() + " has no parent", Cost: "no sandboxes"}
		}
	}
	return ok(name, config.dir())
}

// tryOne makes a container beside those of the configured instance.
func tryOne(ctx context.Context, config Config) Finding {
	const name = "trial"
	failed := func(err error) Finding {
		return Finding{Name: name, Required: true, Found: err.Error(), Cost: "no sandboxes"}
	}
	config.Instance = "doctor-" + strconv.Itoa(os.Getpid())
	config.Log = quiet()
	config.Shells = 0
	f, err := New(config)
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(f.config.dir()) // nobody else knows of it
	defer f.Close()
	c, err := f.Create(ctx, container.Spec{Name: "doctor", Kind: "doctor", Command: []string{"/bin/sh", "-c", "exit 42"}, Memory: 64 << 20})
	if err != nil {
		return failed(err)
	}
	select {
	case <-c.Done():
	case <-ctx.Done():
		return failed(ctx.Err())
	}
	if code := c.Exit().Code; code != 42 {
		_, stderr := c.Output()
		text, _ := io.ReadAll(io.LimitReader(stderr, 1<<10))
		return failed(fmt.Errorf("the container ended with %d: %s", code, text))
	}
	return ok(name, "a container ran")
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
