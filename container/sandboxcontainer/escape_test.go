//go:build linux

package sandboxcontainer_test

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"quirl/container"
	"quirl/container/containertest"
	"quirl/container/sandboxcontainer"
)

//go:embed testdata/probe.py
var probe string

// probeSpec runs script after the probe's definitions.
func probeSpec(name, script string) container.Spec {
	return container.Spec{
		Name: name, Kind: "probe", Command: []string{"/usr/bin/python3", "-I", "-c", probe, script},
		Env: []string{"PATH=/usr/bin:/bin"}, Memory: 256 << 20,
	}
}

// TestEscape tries what no container may be able to do. A script must say that
// its controls worked and that its attempts were blocked.
func TestEscape(t *testing.T) {
	f := factory(t)
	for _, c := range []struct {
		name, script string
		rootOnly     bool
	}{
		{"host files", `
control("a file is readable", "quirl" in open("/etc/passwd").read())
for path in ["/etc/shadow", "/etc/gshadow", "/etc/hostname", "/etc/machine-id", "/root/.profile", "/var/log/dpkg.log", "/proc/1/root/etc/shadow", "/proc/self/cwd/../etc/shadow"]:
    attempt(path, read, path)
for path in ["/root", "/home", "/var", "/run", "/sys", "/sys/fs/cgroup", "/boot", "/opt", "/mnt"]:
    attempt(path, os.listdir, path)
`, false},
		{"host processes", fmt.Sprintf(`
pids = [int(p) for p in os.listdir("/proc") if p.isdigit()]
control("sees itself", os.getpid() in pids)
def foreign():
    found = [p for p in pids if p != os.getpid()]
    if not found: raise OSError(errno.ESRCH, "none")
    return found
attempt("see another process", foreign)
attempt("signal a host process", os.kill, %d, 0)
control("signals itself", os.kill(os.getpid(), 0) is None)
`, os.Getpid()), false},
		{"writing", `
write("/tmp/x"); control("/tmp is writable", True)
for path in ["/x", "/usr/x", "/usr/bin/x", "/etc/passwd", "/etc/x", "/dev/x", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
    "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/net/ipv4/ip_forward", "/usr/bin/python3"]:
    attempt("write " + path, write, path)
attempt("mkdir /x", os.mkdir, "/x")
attempt("remove /bin/sh", os.unlink, "/usr/bin/sh")
attempt("chmod /usr", os.chmod, "/usr", 0o777)
attempt("chown /tmp", os.chown, "/tmp/x", 12345, 12345)
`, false},
		{"kernel memory and messages", `
control("proc is readable", len(read("/proc/version")) > 0)
for path in ["/proc/kcore", "/proc/kallsyms", "/proc/kmsg", "/proc/keys", "/proc/timer_list", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda"]:
    attempt("read " + path, read, path)
attempt("syslog", syscall, "syslog", 3, ctypes.create_string_buffer(64), 64)
`, false},
		{"mounts", `
control("a call by number works", syscall("getpid") == os.getpid())
tmpfs = b"tmpfs"
attempt("mount", syscall, "mount", tmpfs, b"/tmp", tmpfs, 0, None)
attempt("remount /usr", syscall, "mount", b"none", b"/usr", None, 0x20 | 0x1000, None)
attempt("umount /proc/kcore", syscall, "umount2", b"/proc/kcore", 2)
attempt("umount /usr", syscall, "umount2", b"/usr", 2)
attempt("pivot_root", syscall, "pivot_root", b"/tmp", b"/tmp")
attempt("chroot", os.chroot, "/tmp")
attempt("fsopen", syscall, "fsopen", tmpfs, 0)
attempt("open_tree", syscall, "open_tree", -100, b"/usr", 1)
attempt("move_mount", syscall, "move_mount", -100, b"/usr", -100, b"/tmp", 0)
attempt("mount_setattr", syscall, "mount_setattr", -100, b"/usr", 0, None, 0)
`, false},
		{"namespaces", `
control("a call by number works", syscall("getpid") == os.getpid())
for name, flag in dict(user=0x10000000, mnt=0x20000, pid=0x20000000, net=0x40000000, ipc=0x8000000, uts=0x4000000, cgroup=0x2000000).items():
    attempt("unshare " + name, syscall, "unshare", flag)
    attempt("clone " + name, syscall, "clone", flag | 17, 0, 0, 0, 0)
    attempt("setns " + name, lambda: syscall("setns", os.open("/proc/self/ns/" + name, os.O_RDONLY), 0))
attempt("clone3", syscall, "clone3", ctypes.create_string_buffer(88), 88)
pid = os.fork()
if pid == 0: os._exit(0)
control("an ordinary clone works", os.waitpid(pid, 0)[1] == 0)
`, false},
		{"other processes of the container", `
r, w = os.pipe()
child = os.fork()
if child == 0:
    os.close(w); os.read(r, 1); os._exit(0)
control("the child is there", os.kill(child, 0) is None)
attempt("ptrace attach", syscall, "ptrace", 16, child, 0, 0)
attempt("ptrace me", syscall, "ptrace", 0, 0, 0, 0)
buffer = ctypes.create_string_buffer(8)
attempt("process_vm_readv", syscall, "process_vm_readv", child, buffer, 1, buffer, 1, 0)
attempt("process_vm_writev", syscall, "process_vm_writev", child, buffer, 1, buffer, 1, 0)
attempt("kcmp", syscall, "kcmp", os.getpid(), child, 0, 0, 0)
attempt("pidfd_getfd", lambda: syscall("pidfd_getfd", os.pidfd_open(child), 1, 0))
os.write(w, b"x")
`, false},
		{"resource limits", `
control("1024 files", resource.getrlimit(resource.RLIMIT_NOFILE) == (1024, 1024))
control("no core", resource.getrlimit(resource.RLIMIT_CORE) == (0, 0))
attempt("more files", resource.setrlimit, resource.RLIMIT_NOFILE, (2048, 2048))
attempt("cores", resource.setrlimit, resource.RLIMIT_CORE, (1, 1))
attempt("higher priority", os.nice, -5)
attempt("real time", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))
control("less files", resource.getrlimit(resource.RLIMIT_NOFILE) == (512, 512))
`, false},
		{"devices", `
os.mkfifo("/tmp/pipe"); control("a pipe can be made", True)
attempt("mknod null", os.mknod, "/tmp/null", 0o020666, os.makedev(1, 3))
attempt("mknod disk", os.mknod, "/tmp/disk", 0o060666, os.makedev(254, 0))
attempt("mknod memory", os.mknod, "/dev/shm/mem", 0o020666, os.makedev(1, 1))
attempt("tun", read, "/dev/net/tun")
`, false},
		{"forbidden calls", `
control("a call by number works", syscall("getpid") == os.getpid())
buffer = ctypes.create_string_buffer(256)
attempt("bpf", syscall, "bpf", 0, buffer, 64)
attempt("keyctl", syscall, "keyctl", 0, -3, 1, 0, 0)
attempt("add_key", syscall, "add_key", b"user", b"quirl", buffer, 4, -2)
attempt("request_key", syscall, "request_key", b"user", b"quirl", None, 0)
attempt("reboot", syscall, "reboot", 0xfee1dead, 672274793, 0, 0)
attempt("kexec_load", syscall, "kexec_load", 0, 0, 0, 0)
attempt("init_module", syscall, "init_module", buffer, 1, b"")
attempt("finit_module", syscall, "finit_module", 0, b"", 0)
attempt("open_by_handle_at", syscall, "open_by_handle_at", -100, buffer, 0)
attempt("name_to_handle_at", syscall, "name_to_handle_at", -100, b"/usr", buffer, buffer, 0)
attempt("perf_event_open", syscall, "perf_event_open", buffer, 0, -1, -1, 0)
attempt("userfaultfd", syscall, "userfaultfd", 0)
attempt("io_uring_setup", syscall, "io_uring_setup", 1, buffer)
attempt("fanotify_init", syscall, "fanotify_init", 0, 0)
attempt("quotactl", syscall, "quotactl", 0, b"/", 0, buffer)
attempt("swapon", syscall, "swapon", b"/tmp/x", 0)
attempt("acct", syscall, "acct", b"/tmp/x")
attempt("settimeofday", syscall, "settimeofday", buffer, None)
attempt("clock_settime", syscall, "clock_settime", 0, buffer)
attempt("vhangup", syscall, "vhangup")
if platform.machine() == "x86_64": attempt("iopl", syscall, "iopl", 3)
attempt("sethostname", socket.sethostname, "escaped")
if libc.prctl(1, 0, 0, 0, 0) == 0: say("SUCCEEDED to clear the parent death signal")
else: say("blocked prctl")
control("other prctl", libc.prctl(15, b"probe", 0, 0, 0) == 0)
`, false},
		{"privileges", `
status = open("/proc/self/status").read()
caps = [l.split()[1] for l in status.splitlines() if l.startswith("Cap")]
control("five sets of capabilities", len(caps) == 5)
if all(int(c, 16) == 0 for c in caps): say("blocked: no capabilities")
else: say("SUCCEEDED to have", caps)
control("no new privileges", "NoNewPrivs:\t1" in status)
control("a filter", "Seccomp:\t2" in status)
attempt("setgroups", os.setgroups, [0])
setuid = [p for p in ["/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount", "/usr/bin/newgrp"] if os.path.exists(p) and os.stat(p).st_mode & 0o4000]
control("there are setuid programs", len(setuid) > 0)
control("a child can show its capabilities", "CapEff" in subprocess.run(["/bin/grep", "Cap", "/proc/self/status"], capture_output=True, text=True).stdout)
result = subprocess.run(["/usr/bin/su", "-c", "grep CapEff /proc/self/status"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
gained = [l for l in result.stdout.splitlines() if "CapEff" in l and int(l.split()[1], 16)]
say("SUCCEEDED with su", gained) if gained else say("blocked su -", result.stderr.strip())
`, false},
		{"becoming root", `
control("is user 1001", os.getuid() == 1001 and os.getgid() == 1001)
attempt("setuid", os.setuid, 0)
attempt("setgid", os.setgid, 0)
attempt("setresuid", os.setresuid, 0, 0, 0)
`, true},
		{"inherited files", `
listing = os.open("/proc/self/fd", os.O_RDONLY)
have = {int(f) for f in os.listdir("/proc/self/fd")} - {listing}
have = {f for f in have if os.path.exists("/proc/self/fd/%d" % f) or f < 4}
control("output and socket", {0, 1, 2, 3} <= have)
foreign = [f for f in have if f > 3]
say("SUCCEEDED to inherit", foreign) if foreign else say("blocked: nothing inherited")
control("the socket listens", socket.socket(fileno=os.dup(3)).getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1)
`, false},
		{"raw sockets", `
socket.socket(socket.AF_INET, socket.SOCK_STREAM).close(); control("an ordinary socket", True)
attempt("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
attempt("packet", socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 3)
attempt("vsock", socket.socket, socket.AF_VSOCK, socket.SOCK_STREAM)
attempt("alg", socket.socket, socket.AF_ALG, socket.SOCK_SEQPACKET)
`, false},
		{"filling /tmp", `
size = 0
control("a file system of its own", any(l.split()[1] == "/tmp" and l.split()[2] == "tmpfs" for l in open("/proc/self/mounts")))
def fill():
    global size
    with open("/tmp/fill", "wb", buffering=0) as f:
        while size < 1 << 32: size += f.write(bytes(1 << 20))
attempt("4 GiB", fill)
control("some of it", 16 << 20 <= size)
os.unlink("/tmp/fill")
def many():
    for i in range(10000000): open("/tmp/f%d" % i, "w").close()
attempt("ten million files", many)
`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.rootOnly && os.Geteuid() != 0 {
				t.Skip("an ordinary user's containers have one user id only")
			}
			spec := probeSpec(strings.ReplaceAll(strings.ReplaceAll(c.name, " ", "_"), "/", ""), c.script)
			spec.Memory = 1 << 30
			expectBlocked(t, run(t, f, spec))
		})
	}
}

// run runs spec to its end and removes the container.
func run(t *testing.T, f container.Factory, spec container.Spec) containertest.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := f.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	result, err := containertest.Finish(ctx, c)
	if err != nil {
		t.Error(err)
	}
	if err := c.Remove(ctx); err != nil {
		t.Error(err)
	}
	return result
}

// expectBlocked reads what the probe said.
func expectBlocked(t *testing.T, r containertest.Result) {
	t.Helper()
	controls, blocked := 0, 0
	for line := range strings.Lines(r.Stdout) {
		switch {
		case strings.HasPrefix(line, "control "):
			controls++
		case strings.HasPrefix(line, "blocked"):
			blocked++
		default:
			t.Errorf("probe says: %s", line)
		}
	}
	if controls == 0 || blocked == 0 || r.Exit.Code != 0 {
		t.Errorf("%d controls, %d blocked attempts, exit %+v; want some of each and no error\n%s%s", controls, blocked, r.Exit, r.Stdout, r.Stderr)
	}
	if testing.Verbose() {
		t.Logf("%s", r.Stdout)
	}
}

func TestEscapeForkBomb(t *testing.T) {
	f := factory(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	spec := probeSpec("bomb", `
made = 0
try:
    while made < 5000:
        if os.fork() == 0:
            while True:
                try: os.fork()
                except OSError: time.sleep(0.05)
        made += 1
except OSError as e:
    control("some", made > 0)
    say("blocked", e)
    time.sleep(1000)
say("SUCCEEDED")
`)
	spec.Pids = 200
	c, err := f.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	stdout, _ := c.Output()
	lines := bufio.NewReader(stdout)
	for _, want := range []string{"control", "blocked"} {
		line, err := lines.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, want) {
			t.Fatalf("probe says %q, %v; want %q", line, err, want)
		}
	}
	if err := exec.CommandContext(ctx, "/bin/true").Run(); err != nil {
		t.Errorf("the host cannot start a program: %v", err)
	}
	begin := time.Now()
	if err := c.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("removed in %v", time.Since(begin))
}

// TestEscapeToNeighbour tries to reach another container.
func TestEscapeToNeighbour(t *testing.T) {
	f := factory(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	capabilities, err := f.Capabilities(ctx)
	if err != nil {
		t.Fatal(err)
	}
	neighbour, err := f.Create(ctx, probeSpec("neighbour", `
import threading
def serve(s):
    s.listen()
    while True:
        c, _ = s.accept()
        c.sendall(b"hello"); c.close()
inet = socket.socket(); inet.bind(("0.0.0.0", 9000))
abstract = socket.socket(socket.AF_UNIX); abstract.bind("\0quirl-neighbour")
file = socket.socket(socket.AF_UNIX); file.bind("/tmp/neighbour")
write("/dev/shm/neighbour")
for s in [inet, abstract, file]: threading.Thread(target=serve, args=(s,), daemon=True).start()
own = "127.0.0.1"
try:
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.connect(("203.0.113.1", 9)); own = u.getsockname()[0]
except OSError: pass
control("reaches itself", connect(own, 9000) == b"hello")
say(own)
threading.Event().wait()
`))
	if err != nil {
		t.Fatal(err)
	}
	defer neighbour.Remove(ctx)
	stdout, stderr := neighbour.Output()
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "control") {
		text, _ := io.ReadAll(stderr)
		t.Fatalf("neighbour says %q, %v %s", line, err, text)
	}
	address, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`
import threading
own = socket.socket(socket.AF_UNIX); own.bind("\0quirl-own"); own.listen()
s = socket.socket(socket.AF_UNIX); s.connect("\0quirl-own"); control("own abstract socket", True)
attempt("abstract socket", lambda: socket.socket(socket.AF_UNIX).connect("\0quirl-neighbour"))
attempt("socket file", lambda: socket.socket(socket.AF_UNIX).connect("/tmp/neighbour"))
attempt("shared memory", read, "/dev/shm/neighbour")
if %q == "nat":
    attempt("address", connect, %q, 9000)
    base = %q.rsplit(".", 1)[0]
    attempt("router", connect, base + ".1", 9000)
`, capabilities.Network, strings.TrimSpace(address), strings.TrimSpace(address))
	expectBlocked(t, run(t, f, probeSpec("attacker", script)))
}

// TestEscapeToHost tries to reach servers of the host on all its addresses.
func TestEscapeToHost(t *testing.T) {
	f := factory(t)
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go greet(listener)
	port := listener.Addr().(*net.TCPAddr).Port
	addresses, err := net.InterfaceAddrs() // with that of the bridge
	if err != nil {
		t.Fatal(err)
	}
	script := "control('a socket', socket.socket().fileno() > 0)\n"
	for _, a := range addresses {
		ip := a.(*net.IPNet).IP.To4()
		if ip == nil {
			continue
		}
		if got := greeting(t, ip.String(), port); got != "hello" {
			t.Fatalf("the host itself reads %q from %s", got, ip)
		}
		script += fmt.Sprintf("attempt('host %s', connect, '%s', %d)\n", ip, ip, port)
	}
	expectBlocked(t, run(t, f, probeSpec("host", script)))
}

func greet(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, "hello")
		c.Close()
	}
}

func greeting(t *testing.T, host string, port int) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", net.JoinHostPort(host, fmt.Sprint(port)), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNetworkNone(t *testing.T) {
	f := factory(t, func(c *sandboxcontainer.Config) { c.Network = sandboxcontainer.NetworkNone })
	expectBlocked(t, run(t, f, probeSpec("none", `
server = socket.create_server(("127.0.0.1", 9000))
socket.create_connection(("127.0.0.1", 9000)); control("loopback works", True)
control("one interface", [n for _, n in socket.if_nameindex()] == ["lo"])
attempt("anything else", connect, "198.51.100.2", 80)
`)))
}
