//go:build linux

package sandboxcontainer_test

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"quirl/container"
	"quirl/container/containertest"
	"quirl/container/sandboxcontainer"
)

// build makes the launcher once for all tests of the process.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "qb")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // also for tests as another user
		return "", err
	}
	program := filepath.Join(dir, "quirl-sandbox")
	cmd := exec.Command("go", "build", "-tags", "seccomp", "-o", program, "quirl/cmd/quirl-sandbox")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("build launcher: %w: %s", err, out)
	}
	return program, nil
})

// built says that there is a launcher to be removed at the end.
var built atomic.Bool

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerDir); dir != "" {
		os.Exit(own(dir)) // see chaos_test.go
	}
	code := m.Run()
	if built.Load() {
		if program, err := build(); err == nil {
			os.RemoveAll(filepath.Dir(program))
		}
	}
	if dir := imagesMade.Load(); dir != nil {
		os.RemoveAll(*dir)
	}
	os.Exit(code)
}

// launcherVariable names a launcher built before, for the tests that run as
// another user, who may have no compiler.
const launcherVariable = "QUIRL_TEST_LAUNCHER"

// launcher returns a launcher or skips the test.
func launcher(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the launcher; not with -short")
	}
	if program := os.Getenv(launcherVariable); program != "" {
		return program
	}
	built.Store(true)
	program, err := build()
	if err != nil {
		unable(t, err.Error())
	}
	return program
}

// unable skips the test, or fails it where everything must work.
func unable(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

var serial atomic.Int64

// config is that of a factory for one test.
func config(t testing.TB) sandboxcontainer.Config {
	t.Helper()
	program := launcher(t)
	dir, err := os.MkdirTemp("/tmp", "q")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return sandboxcontainer.Config{
		Dir: dir, Launcher: program, Log: slog.New(slog.NewTextHandler(testLog{t}, nil)),
		Instance: fmt.Sprintf("test-%d-%d", os.Getpid(), serial.Add(1)),
	}
}

type testLog struct{ t testing.TB }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

// factory opens a factory that is closed after the test.
func factory(t testing.TB, change ...func(*sandboxcontainer.Config)) *sandboxcontainer.Factory {
	t.Helper()
	c := config(t)
	for _, f := range change {
		f(&c)
	}
	f, err := sandboxcontainer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := f.Cleanup(t.Context()); err != nil {
		if os.Geteuid() != 0 {
			unable(t, "this machine lets no ordinary user make sandboxes: "+err.Error())
		}
		t.Fatal(err)
	}
	return f
}

func TestFactory(t *testing.T) {
	launcher(t)
	capabilities, err := factory(t).Capabilities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("running with %+v", capabilities)
	containertest.Run(t, func(t *testing.T) container.Factory { return factory(t) }, containertest.Options{
		NoMemoryLimit: !capabilities.Limits,
		Helpers:       func(t *testing.T) []int { return childrenOf(t, os.Getpid()) },
		Foreign:       foreign,
	})
}

// foreign says that something on this machine is of nobody's sandboxes, or of
// another process's: the instances of this one have its id in their names.
func foreign(name string) bool {
	if strings.Contains(name, fmt.Sprintf("test-%d-", os.Getpid())) {
		return false
	}
	return strings.HasPrefix(name, "/sys/fs/cgroup/") || strings.Contains(name, "quirl instance ")
}
