package containertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/container"
)

func testOutput(t *testing.T, b *bench) {
	const size = 3 << 20
	r := b.finish(t, b.sh(fmt.Sprintf("head -c %d /dev/zero | tr '\\0' o; head -c %d /dev/zero | tr '\\0' e >&2", size, size/2)))
	if got, want := len(strings.Trim(r.Stdout, "o")), 0; got != want || len(r.Stdout) != size {
		t.Errorf("standard output: %d bytes, %d of them foreign; want %d of one letter", len(r.Stdout), got, size)
	}
	if got, want := len(strings.Trim(r.Stderr, "e")), 0; got != want || len(r.Stderr) != size/2 {
		t.Errorf("standard error: %d bytes, %d of them foreign; want %d of one letter", len(r.Stderr), got, size/2)
	}
}

func testOutputEnds(t *testing.T, b *bench) {
	c := b.create(t, b.sh("echo first; exec sleep 1000"))
	stdout, stderr := c.Output()
	first := make([]byte, len("first\n"))
	if _, err := io.ReadFull(stdout, first); err != nil || string(first) != "first\n" {
		t.Fatalf("read %q, %v; want the first line", first, err)
	}
	b.remove(t, c)
	for name, stream := range map[string]io.Reader{"stdout": stdout, "stderr": stderr} {
		for range 2 { // the end stays the end
			if n, err := stream.Read(first); n != 0 || err != io.EOF {
				t.Errorf("%s after remove: %d bytes, %v; want io.EOF", name, n, err)
			}
		}
	}
}

func testExit(t *testing.T, b *bench) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "exit 255": 255} {
		r := b.finish(t, b.sh(script))
		if diff := cmp.Diff(container.Exit{Code: want}, r.Exit); diff != "" {
			t.Errorf("%s (-want +got):\n%s", script, diff)
		}
	}
	c := b.create(t, b.spec("/bin/sleep", "1000"))
	select {
	case <-c.Done():
		t.Fatalf("ended too early with %+v", c.Exit())
	default:
	}
	b.remove(t, c)
	<-c.Done()
	if got := c.Exit().Code; got != 137 {
		t.Errorf("removed container: exit code %d, want 137", got)
	}
}

func testEnvironment(t *testing.T, b *bench) {
	t.Setenv("QUIRL_CANARY", "of the host")
	spec := b.python("import json, os; print(json.dumps(dict(os.environ)))")
	spec.Env = append(spec.Env, "EMPTY=", "EQUALS=a=b", "UNICODE=❄ ☃", "LINES=one\ntwo")
	r := b.finish(t, spec)
	var got map[string]string
	if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil {
		t.Fatalf("decode %q: %v (standard error: %s)", r.Stdout, err, r.Stderr)
	}
	// What factories and interpreters may add.
	for _, name := range []string{"QUIRL_LISTEN_FD", "HOME", "HOSTNAME", "LC_CTYPE", "PWD"} {
		delete(got, name)
	}
	want := map[string]string{"PATH": "/usr/bin:/bin", "TZ": "UTC", "EMPTY": "", "EQUALS": "a=b", "UNICODE": "❄ ☃", "LINES": "one\ntwo"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func testNoCommand(t *testing.T, b *bench) {
	for _, command := range []string{"/usr/bin/no-such-program", "/no/such/folder/program", "/usr"} {
		c, err := b.Create(b.ctx, b.spec(command))
		if !errors.Is(err, container.ErrNoCommand) {
			t.Errorf("create %s: %v, want ErrNoCommand", command, err)
		}
		if err == nil {
			b.remove(t, c)
		}
	}
	// The failure left nothing behind that is in the way.
	b.finish(t, b.sh("true"))
}

func testBadSpecs(t *testing.T, b *bench) {
	for name, spoil := range map[string]func(*container.Spec){
		"no command":      func(s *container.Spec) { s.Command = nil },
		"relative path":   func(s *container.Spec) { s.Command = []string{"bin/sh"} },
		"bad environment": func(s *container.Spec) { s.Env = []string{"no equals sign"} },
		"negative memory": func(s *container.Spec) { s.Memory = -1 },
	} {
		spec := b.sh("true")
		spoil(&spec)
		c, err := b.Create(b.ctx, spec)
		if err == nil {
			t.Errorf("%s: created, want an error", name)
			b.remove(t, c)
		}
	}
}

func testRemoveTwice(t *testing.T, b *bench) {
	c := b.create(t, b.sh("trap '' TERM INT HUP; while :; do sleep 1; done"))
	results := make(chan error)
	for range 8 {
		go func() { results <- c.Remove(b.ctx) }()
	}
	for range 8 {
		if err := <-results; err != nil {
			t.Errorf("remove with others at once: %v", err)
		}
	}
	b.remove(t, c)
	ended := b.create(t, b.sh("exit 3"))
	<-ended.Done()
	b.remove(t, ended)
	b.remove(t, ended)
	if got := ended.Exit().Code; got != 3 {
		t.Errorf("exit code after remove: %d, want 3", got)
	}
}

func testRemoveProcesses(t *testing.T, b *bench) {
	marker := fmt.Sprintf("quirl-marker-%d", os.Getpid())
	// A child, a grandchild whose parent is gone, and one in a session of its own.
	c := b.create(t, b.sh(fmt.Sprintf(`
		(exec /bin/sh -c 'sleep 1000; : %[1]s') &
		( (exec /bin/sh -c 'sleep 1000; : %[1]s') & )
		setsid /bin/sh -c 'sleep 1000; : %[1]s' &
		echo started; wait; : %[1]s`, marker)))
	stdout, _ := c.Output()
	if _, err := io.ReadFull(stdout, make([]byte, len("started\n"))); err != nil {
		t.Fatal(err)
	}
	b.within(t, "four processes with the marker", func() bool { return len(processesWith(t, marker)) >= 4 })
	b.remove(t, c)
	if left := processesWith(t, marker); len(left) > 0 {
		t.Errorf("processes %v are left after remove", left)
	}
}

// processesWith finds the processes that have marker on their command line.
func processesWith(t *testing.T, marker string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no /proc to look for processes in")
	}
	var found []string
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && strings.Contains(string(line), marker) {
			found = append(found, filepath.Base(filepath.Dir(f)))
		}
	}
	return found
}

func testFirstProcess(t *testing.T, b *bench) {
	// The background process has the output open; its end shows that it is dead.
	r := b.finish(t, b.sh("sleep 1000 & echo bye"))
	if r.Stdout != "bye\n" || r.Exit.Code != 0 {
		t.Errorf("got %+v, want bye and code 0", r)
	}
}

func testParallel(t *testing.T, b *bench) {
	const n = 20
	results := make(chan error)
	for i := range n {
		spec := b.sh(fmt.Sprintf("echo %d", i))
		go func() { results <- b.echo(spec, fmt.Sprintf("%d\n", i)) }()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// echo runs spec and compares its output; for goroutines, so without t.
func (b *bench) echo(spec container.Spec, want string) error {
	c, err := b.Create(b.ctx, spec)
	if err != nil {
		return err
	}
	r, err := Finish(b.ctx, c)
	if err == nil && r.Stdout != want {
		err = fmt.Errorf("output %q (standard error %q), want %q", r.Stdout, r.Stderr, want)
	}
	return errors.Join(err, c.Remove(b.ctx))
}

func testCancelledCreate(t *testing.T, b *bench) {
	marker := fmt.Sprintf("quirl-cancelled-%d", os.Getpid())
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	c, err := b.Create(ctx, b.sh("sleep 1000; : "+marker))
	if err == nil {
		b.remove(t, c)
		return // so quick that it did not look
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("create with a cancelled context: %v, want context.Canceled", err)
	}
	b.within(t, "no process left", func() bool { return len(processesWith(t, marker)) == 0 })
}

func testMounts(t *testing.T, b *bench) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("content\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	spec := b.sh("cat /quirl/folder/file /quirl/alone; echo x > /quirl/folder/file; echo x > /quirl/folder/new; echo x > /quirl/alone")
	spec.Mounts = []container.Mount{{Source: dir, Target: "/quirl/folder"}, {Source: file, Target: "/quirl/alone"}}
	r := b.finish(t, spec)
	if r.Stdout != "content\ncontent\n" {
		t.Errorf("mounted files read as %q (standard error: %s), want the content twice", r.Stdout, r.Stderr)
	}
	content, err := os.ReadFile(file)
	if err != nil || string(content) != "content\n" {
		t.Errorf("mounted file is now %q, %v; want it unchanged", content, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, []string{"file"}) {
		t.Errorf("mounted folder has %v, want nothing new", names)
	}
	missing := b.sh("true")
	missing.Mounts = []container.Mount{{Source: filepath.Join(dir, "missing"), Target: "/quirl/missing"}}
	if c, err := b.Create(b.ctx, missing); err == nil {
		t.Error("create with a missing mount source: no error")
		b.remove(t, c)
	}
}
