//go:build linux && cgo

package main

import (
	"fmt"
	"os"

	"github.com/opencontainers/cgroups"
	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"

	"quirl/container/sandboxcontainer/wire"
)

const (
	// maxFiles is what OpenWhisk gives its containers (--ulimit nofile=1024:1024).
	maxFiles = 1024
	shmSize  = 32 << 20
	devSize  = 64 << 10
	// oomScore makes the kernel prefer a box to anything of the host.
	oomScore = 500
)

// config describes a box to libcontainer: everything apart, everything
// read-only but /tmp and /dev/shm (for a foreign program all of its root, which is
// in memory), no capabilities, no way to get any.
func (h *host) config(m *wire.Create, root string, ids idRange) *configs.Config {
	score := oomScore
	c := &configs.Config{
		Rootfs:          root,
		Readonlyfs:      !m.Foreign,
		RootPropagation: unix.MS_PRIVATE | unix.MS_REC,
		Hostname:        "quirl",
		Namespaces:      namespaces(),
		UIDMappings:     ids.mappings(ids.hostRootUser),
		GIDMappings:     ids.mappings(ids.hostRootGroup),
		Capabilities:    &configs.Capabilities{},
		NoNewPrivileges: true,
		Seccomp:         filter(),
		Mounts:          mounts(m, ids),
		Devices:         nodes(),
		MaskPaths:       maskedPaths(),
		ReadonlyPaths:   []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		Sysctl:          sysctls(),
		OomScoreAdj:     &score,
		Rlimits:         rlimits(h.cgroups == nil, m.Pids),
		// Second line of defence should the launcher be killed. The filter keeps
		// boxes from changing it. See makers.go for the thread it depends on.
		ParentDeathSignal: int(unix.SIGKILL),
		Networks:          []*configs.Network{{Type: "loopback", Address: "127.0.0.1/0", Gateway: "localhost"}},
		RootlessEUID:      h.rootless,
		RootlessCgroups:   h.cgroups == nil,
		Cgroups:           h.cgroup(m),
		Version:           "1.0.0",
	}
	if h.network.kind() == "pasta" {
		c.Hooks = guardHook()
	}
	return c
}

func namespaces() configs.Namespaces {
	all := configs.Namespaces{
		{Type: configs.NEWNS}, {Type: configs.NEWPID}, {Type: configs.NEWIPC},
		{Type: configs.NEWUTS}, {Type: configs.NEWNET}, {Type: configs.NEWUSER},
	}
	if configs.IsNamespaceSupported(configs.NEWCGROUP) {
		all = append(all, configs.Namespace{Type: configs.NEWCGROUP})
	}
	return all
}

func mounts(m *wire.Create, ids idRange) []*configs.Mount {
	const closed = unix.MS_NOSUID | unix.MS_NODEV
	all := []*configs.Mount{
		{Device: "proc", Source: "proc", Destination: "/proc", Flags: closed | unix.MS_NOEXEC},
		// Writable until libcontainer has filled it; it honours the flag then.
		{Device: "tmpfs", Source: "tmpfs", Destination: "/dev", Flags: unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_STRICTATIME | unix.MS_RDONLY, Data: fmt.Sprintf("mode=755,size=%d", devSize)},
		{Device: "tmpfs", Source: "shm", Destination: "/dev/shm", Flags: closed | unix.MS_NOEXEC, Data: fmt.Sprintf("mode=1777,size=%d", shmSize)},
		{Device: "tmpfs", Source: "tmp", Destination: "/tmp", Flags: closed, Data: fmt.Sprintf("mode=1777,size=%d,nr_inodes=%d", m.TmpSize, inodes(m.TmpSize))},
	}
	for _, b := range m.Mounts {
		all = append(all, &configs.Mount{
			Device: "bind", Source: b.Source, Destination: b.Target,
			Flags:            unix.MS_BIND | unix.MS_REC | unix.MS_RDONLY | closed,
			PropagationFlags: []int{unix.MS_PRIVATE | unix.MS_REC},
			// Flags stop at the top; this closes what is mounted below as well.
			RecAttr: &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV},
		})
	}
	return all
}

// inodes keeps small files from using up kernel memory: one per 4 KiB.
func inodes(size int64) int64 { return max(size/4096, 1024) }

func nodes() []*devices.Device {
	var all []*devices.Device
	for _, d := range []struct {
		path  string
		minor int64
	}{{"/dev/null", 3}, {"/dev/zero", 5}, {"/dev/full", 7}, {"/dev/random", 8}, {"/dev/urandom", 9}} {
		all = append(all, &devices.Device{
			Path: d.path, FileMode: 0o666,
			Rule: devices.Rule{Type: devices.CharDevice, Major: 1, Minor: d.minor, Permissions: "rw", Allow: true},
		})
	}
	return all
}

func maskedPaths() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/kmsg", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/proc/kallsyms", "/proc/modules", "/proc/sysvipc", "/proc/key-users", "/proc/pressure", "/proc/slabinfo",
	}
}

func sysctls() map[string]string {
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		return nil
	}
	// The network policy is written for IPv4; IPv6 would pass beside it.
	return map[string]string{"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}
}

// rlimits bounds what cgroups do not; without cgroups also the processes,
// which the kernel counts for each user namespace of its own.
func rlimits(alone bool, pids int) []configs.Rlimit {
	all := []configs.Rlimit{
		{Type: unix.RLIMIT_NOFILE, Soft: maxFiles, Hard: maxFiles},
		{Type: unix.RLIMIT_CORE},
		{Type: unix.RLIMIT_MEMLOCK, Soft: 64 << 10, Hard: 64 << 10},
		{Type: unix.RLIMIT_MSGQUEUE, Soft: 64 << 10, Hard: 64 << 10},
		{Type: unix.RLIMIT_SIGPENDING, Soft: 4096, Hard: 4096},
	}
	if alone {
		all = append(all, configs.Rlimit{Type: unix.RLIMIT_NPROC, Soft: uint64(pids), Hard: uint64(pids)})
	}
	return all
}

// cgroup makes the box's cgroup without memory limit: that one is set at start.
func (h *host) cgroup(m *wire.Create) *cgroups.Cgroup {
	pids := int64(m.Pids)
	rules := []*devices.Rule{{Type: devices.WildcardDevice, Major: devices.Wildcard, Minor: devices.Wildcard, Permissions: "rwm"}}
	for _, d := range nodes() {
		rules = append(rules, &d.Rule)
	}
	c := &cgroups.Cgroup{Resources: &cgroups.Resources{Devices: rules}, Rootless: h.rootless}
	if h.cgroups == nil {
		// A name and no path: then libcontainer does not mind that it may not make it.
		c.Name = "quirl-" + h.instance + "-" + m.Box
		return c
	}
	c.Path = h.cgroups.box(m.Box)
	c.PidsLimit = &pids
	return c
}
