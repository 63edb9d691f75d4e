//go:build linux

package sandboxcontainer_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"

	"quirl/container"
	"quirl/container/sandboxcontainer"
)

// The variables that turn this test program into the owner of a factory, which
// the tests then kill.
const (
	ownerDir      = "QUIRL_TEST_OWNER_DIR"
	ownerInstance = "QUIRL_TEST_OWNER_INSTANCE"
	ownerLauncher = "QUIRL_TEST_OWNER_LAUNCHER"
	ownerMarker   = "QUIRL_TEST_OWNER_MARKER"
)

// own makes containers of all sorts, says so, and waits to be killed.
func own(dir string) int {
	if err := ownContainers(dir); err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	fmt.Println("ready")
	select {}
}

func ownContainers(dir string) error {
	f, err := sandboxcontainer.New(sandboxcontainer.Config{
		Dir: dir, Instance: os.Getenv(ownerInstance), Launcher: os.Getenv(ownerLauncher),
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := f.Cleanup(ctx); err != nil {
		return err
	}
	marker := os.Getenv(ownerMarker)
	for i, script := range []string{
		"while :; do :; done; : " + marker,
		"trap '' TERM INT HUP; setsid sh -c 'sleep 1000; : " + marker + "' & echo; wait; : " + marker,
		// Tries to outlive its launcher.
		`python3 -c "import ctypes,time; ctypes.CDLL(None).prctl(1,0,0,0,0); print(flush=True); time.sleep(1000)" ` + marker,
		"echo; sleep 1000; : " + marker,
	} {
		spec := container.Spec{Name: fmt.Sprintf("chaos_%d", i), Kind: "chaos", Command: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Memory: 128 << 20}
		c, err := f.Create(ctx, spec)
		if err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		stdout, _ := c.Output()
		if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
			return fmt.Errorf("container %d does not speak: %w", i, err)
		}
		if i == 3 {
			if err := c.Pause(ctx); err != nil {
				return err
			}
		}
	}
	f.Prepare(container.Spec{Kind: "chaos", Command: []string{"/bin/sleep", "1000"}, Env: []string{"PATH=/usr/bin:/bin"}}, 2)
	return nil
}

// An owner is that process.
type owner struct {
	config   sandboxcontainer.Config
	cmd      *exec.Cmd
	launcher int
	marker   string
}

func startOwner(t *testing.T) *owner {
	t.Helper()
	o := &owner{config: config(t)}
	o.marker = "marker-" + o.config.Instance
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.cmd = exec.Command(self)
	o.cmd.Env = append(os.Environ(), ownerDir+"="+o.config.Dir, ownerInstance+"="+o.config.Instance, ownerLauncher+"="+o.config.Launcher, ownerMarker+"="+o.marker)
	stdout, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.cmd.Process.Kill()
		o.cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "ready\n" {
		if os.Geteuid() != 0 && strings.Contains(line, "set up") {
			unable(t, "this machine lets no ordinary user make sandboxes: "+line)
		}
		t.Fatalf("owner says %q, %v", line, err)
	}
	o.launcher = childOf(t, o.cmd.Process.Pid)
	if n := len(marked(t, o.marker)); n < 4 {
		t.Fatalf("%d processes with the marker, want at least 4", n)
	}
	return o
}

// childOf finds the one child of a process.
func childOf(t *testing.T, parent int) int {
	t.Helper()
	children := childrenOf(t, parent)
	if len(children) == 0 {
		t.Fatalf("process %d has no child", parent)
	}
	return children[0]
}

func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var children []int
	for _, f := range files {
		stat, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			children = append(children, pid)
		}
	}
	return children
}

// marked finds the processes with marker on their command line.
func marked(t *testing.T, marker string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && strings.Contains(string(line), marker) {
			found = append(found, filepath.Base(filepath.Dir(f)))
		}
	}
	return found
}

// remains lists what is left of an instance on this machine.
func remains(t *testing.T, o *owner) []string {
	t.Helper()
	left := marked(t, o.marker)
	cgroups, _ := filepath.Glob("/sys/fs/cgroup/*/quirl/" + o.config.Instance)
	unified, _ := filepath.Glob("/sys/fs/cgroup/quirl/" + o.config.Instance)
	state, _ := filepath.Glob(filepath.Join(o.config.Dir, o.config.Instance, "state", "*"))
	sockets, _ := filepath.Glob(filepath.Join(o.config.Dir, o.config.Instance, "sockets", "*"))
	left = append(append(append(append(left, cgroups...), unified...), state...), sockets...)
	if os.Geteuid() != 0 {
		return append(left, pastas(t)...)
	}
	interfaces, err := net.Interfaces()
	must(t, err)
	for _, i := range interfaces {
		alias, _ := os.ReadFile(filepath.Join("/sys/class/net", i.Name, "ifalias"))
		if strings.TrimSpace(string(alias)) == "quirl instance "+o.config.Instance {
			left = append(left, i.Name)
		}
	}
	c, err := nftables.New()
	must(t, err)
	tables, err := c.ListTables()
	must(t, err)
	for _, table := range tables {
		if strings.HasSuffix(table.Name, o.config.Instance) {
			left = append(left, "table "+table.Name)
		}
	}
	return left
}

// pastas finds the network programs of this user.
func pastas(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/comm")
	must(t, err)
	var found []string
	for _, f := range files {
		name, err := os.ReadFile(f)
		// pasta and passt are one program.
		if err != nil || !strings.HasPrefix(string(name), "pas") {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(f), "status"))
		if err == nil && strings.Contains(string(status), fmt.Sprintf("\nUid:\t%d\t", os.Geteuid())) {
			found = append(found, "pasta "+filepath.Base(filepath.Dir(f)))
		}
	}
	return found
}

func nothingRemains(t *testing.T, o *owner, within time.Duration) {
	t.Helper()
	begin := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		left := remains(t, o)
		if len(left) == 0 {
			t.Logf("all gone after %v", time.Since(begin))
			return
		}
		if time.Since(begin) > within {
			t.Fatalf("left after %v: %q", within, left)
		}
		<-tick.C
	}
}

func kill(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatalf("kill %d with %v: %v", pid, signal, err)
	}
}

// TestChaosOwnerKilled kills the owner; its launcher cleans up.
func TestChaosOwnerKilled(t *testing.T) {
	o := startOwner(t)
	kill(t, o.cmd.Process.Pid, syscall.SIGKILL)
	nothingRemains(t, o, 20*time.Second)
}

// TestChaosBothKilled kills both at the same time; a successor cleans up.
func TestChaosBothKilled(t *testing.T) {
	o := startOwner(t)
	kill(t, o.launcher, syscall.SIGSTOP) // it must not notice
	kill(t, o.cmd.Process.Pid, syscall.SIGKILL)
	kill(t, o.launcher, syscall.SIGKILL)
	o.cmd.Wait()
	if left := remains(t, o); len(left) == 0 {
		t.Fatal("nothing is left of two killed processes; this test shows nothing")
	}
	f, err := sandboxcontainer.New(o.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The successor has a bridge and a table of its own by now.
	if left := marked(t, o.marker); len(left) > 0 {
		t.Errorf("processes %v are left after cleanup", left)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	nothingRemains(t, o, 5*time.Second)
}

// TestChaosLauncherKilled kills the launcher; its owner notices and goes on
// with another.
func TestChaosLauncherKilled(t *testing.T) {
	f := factory(t)
	spec := container.Spec{Name: "one", Kind: "chaos", Command: []string{"/bin/sleep", "1000"}, Memory: 128 << 20}
	c, err := f.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	f.Prepare(spec, 1)
	kill(t, childOf(t, os.Getpid()), syscall.SIGKILL)
	<-c.Done()
	if got := c.Exit().Code; got != 137 {
		t.Errorf("exit code %d, want 137", got)
	}
	if _, err := c.Dial(t.Context()); !errors.Is(err, container.ErrGone) {
		t.Errorf("dial: %v, want ErrGone", err)
	}
	if err := c.Remove(t.Context()); err != nil {
		t.Errorf("remove: %v", err)
	}
	result := run(t, f, probeSpec("two", `control("lives", True); attempt("nothing", read, "/nothing")`))
	expectBlocked(t, result)
}

// TestInstanceInUse has two factories of one instance.
func TestInstanceInUse(t *testing.T) {
	c := config(t)
	c.LockWait = time.Second
	first, err := sandboxcontainer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := first.Cleanup(t.Context()); err != nil {
		unable(t, err.Error())
	}
	second, err := sandboxcontainer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Cleanup(t.Context()); err == nil || !strings.Contains(err.Error(), "in use by another quirl") {
		t.Errorf("cleanup of an instance in use: %v, want to be told", err)
	}
	// The loser must not take the winner's things along.
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	result := run(t, first, probeSpec("first", `control("lives", True); attempt("nothing", read, "/nothing")`))
	expectBlocked(t, result)
}
