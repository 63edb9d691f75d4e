package processcontainer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/container"
	"quirl/container/containertest"
	"quirl/container/processcontainer"
)

func TestContainer(t *testing.T) {
	dir := t.TempDir()
	containertest.Run(t, func(t *testing.T) container.Factory {
		f, err := processcontainer.New(processcontainer.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}, containertest.Options{
		NoMemoryLimit: true, NoPidsLimit: true, NoMounts: true, NoPidNamespace: true,
		// It makes neither cgroups nor interfaces; others do at the same time.
		Foreign: func(name string) bool {
			return strings.HasPrefix(name, "/sys/fs/cgroup/") || strings.Contains(name, "quirl instance ")
		},
	})
}

func open(t *testing.T, dir string) *processcontainer.Factory {
	t.Helper()
	f, err := processcontainer.New(processcontainer.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func shell(script string) container.Spec {
	return container.Spec{Name: "test", Command: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}}
}

func create(t *testing.T, f *processcontainer.Factory, spec container.Spec) container.Container {
	t.Helper()
	c, err := f.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// firstLine reads up to and including the first line end.
func firstLine(t *testing.T, r io.Reader) string {
	t.Helper()
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("after %q: %v", line, err)
		}
		if b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}

func TestExit(t *testing.T) {
	f := open(t, t.TempDir())
	for _, tt := range []struct {
		script string
		want   int
	}{
		{"exit 0", 0},
		{"exit 7", 7},
		{"kill -9 $$", 137},
	} {
		c := create(t, f, shell(tt.script))
		<-c.Done()
		if got := c.Exit().Code; got != tt.want {
			t.Errorf("%s: got exit code %d, want %d", tt.script, got, tt.want)
		}
		if _, err := c.Dial(t.Context()); !errors.Is(err, container.ErrGone) {
			t.Errorf("%s: dial after the end: got %v, want ErrGone", tt.script, err)
		}
		if err := c.Pause(t.Context()); !errors.Is(err, container.ErrGone) {
			t.Errorf("%s: pause after the end: got %v, want ErrGone", tt.script, err)
		}
	}
}

func TestOutputIsKeptBeyondRemove(t *testing.T) {
	f := open(t, t.TempDir())
	c := create(t, f, shell("echo out; echo err >&2; sleep 1000"))
	stdout, stderr := c.Output()
	out, errs := firstLine(t, stdout), firstLine(t, stderr)
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := []string{out + readAll(t, stdout), errs + readAll(t, stderr)}
	if diff := cmp.Diff([]string{"out", "err"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnreadOutputSurvivesRemove(t *testing.T) {
	f := open(t, t.TempDir())
	c := create(t, f, shell("echo all of it"))
	<-c.Done()
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	stdout, _ := c.Output()
	if got := readAll(t, stdout); got != "all of it\n" {
		t.Errorf("got %q", got)
	}
}

// A process that left the group keeps the pipe open; readers must end all the same.
func TestReaderEndsDespiteEscapedProcess(t *testing.T) {
	setsid, err := exec.LookPath("setsid")
	if err != nil {
		t.Skip("needs setsid: ", err)
	}
	f := open(t, t.TempDir())
	c := create(t, f, shell("echo before; "+setsid+" sh -c 'echo $$; exec env -i -C / sleep 1000' & wait"))
	stdout, _ := c.Output()
	firstLine(t, stdout)
	pid := firstLine(t, stdout)
	t.Cleanup(func() { _ = exec.Command("kill", "-9", pid).Run() }) // this one really escapes
	done := make(chan string)
	go func() { done <- readAll(t, stdout) }()
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestErrors(t *testing.T) {
	f := open(t, t.TempDir())
	for _, tt := range []struct {
		name string
		spec container.Spec
		want error
	}{
		{"no command", container.Spec{Name: "a"}, container.ErrNoCommand},
		{"missing program", container.Spec{Name: "b", Command: []string{"/does/not/exist"}}, container.ErrNoCommand},
		{"image", container.Spec{Name: "c", Image: "img", Command: []string{"/bin/true"}}, container.ErrNoImage},
	} {
		if _, err := f.Create(t.Context(), tt.spec); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Create(t.Context(), shell("exit")); !errors.Is(err, container.ErrClosed) {
		t.Errorf("after close: got %v, want ErrClosed", err)
	}
}

func TestMountsAreResolvedAndNothingIsInherited(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "run.sh")
	if err := os.WriteFile(script, []byte("env; echo $0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRET", "inherited")
	f := open(t, t.TempDir())
	c := create(t, f, container.Spec{
		Command: []string{"/bin/sh", "/box/run.sh"},
		Env:     []string{"A=b"},
		Mounts:  []container.Mount{{Source: dir, Target: "/box"}},
	})
	stdout, _ := c.Output()
	got := readAll(t, stdout)
	for _, want := range []string{"A=b\n", "QUIRL_LISTEN_FD=3\n", script + "\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("output lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "SECRET") {
		t.Errorf("environment was inherited:\n%s", got)
	}
}

func TestPauseStopsTheGroup(t *testing.T) {
	f := open(t, t.TempDir())
	c := create(t, f, shell("i=0; while :; do i=$((i+1)); echo $i; done"))
	stdout, _ := c.Output()
	firstLine(t, stdout)
	if err := c.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 10_000 { // more than the pipe holds: the process must be running again
		firstLine(t, stdout)
	}
	if err := c.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(t.Context()); err != nil { // paused or not
		t.Fatal(err)
	}
	if got := c.Exit().Code; got != 137 {
		t.Errorf("got exit code %d, want 137", got)
	}
}

func TestLongDir(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), strings.Repeat("long", 40)))
	c := create(t, f, shell("sleep 1000"))
	conn, err := c.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// crashEnv makes the test binary a predecessor that dies without cleaning up.
const crashEnv = "PROCESSCONTAINER_TEST_CRASH_DIR"

func TestCleanupRemovesWhatAPredecessorLeft(t *testing.T) {
	if dir := os.Getenv(crashEnv); dir != "" {
		crash(dir)
	}
	dir := t.TempDir()
	predecessor := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	predecessor.Env = append(os.Environ(), crashEnv+"="+dir)
	var out bytes.Buffer
	predecessor.Stdout = &out
	if err := predecessor.Run(); err == nil {
		t.Fatalf("the predecessor did not crash: %s", &out)
	}
	fifo := filepath.Join(dir, "alive")
	f := open(t, dir)
	if err := f.Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The process held the only writing end, without which reading ends at once (else EAGAIN).
	alive, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	alive.SetReadDeadline(time.Now().Add(time.Second))
	if _, err := alive.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the predecessor's process lives: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "quirl-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// crash starts a process that keeps a fifo open for writing, and ends without a
// word to it.
func crash(dir string) {
	f, err := processcontainer.New(processcontainer.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(0)
	}
	fifo := filepath.Join(dir, "alive")
	spec := shell("mkfifo " + fifo + " && exec 9<>" + fifo + " && echo ready && sleep 1000")
	c, err := f.Create(context.Background(), spec)
	if err != nil {
		fmt.Println(err)
		os.Exit(0)
	}
	stdout, _ := c.Output()
	_, _ = io.ReadFull(stdout, make([]byte, len("ready\n")))
	os.Exit(3)
}
