// Package realtest starts real components for tests, by the scripts of tools/real.
//
// A component is apart from any other of the machine, and ends with the test program. Where
// there can be none, tests skip with the reason; under CI=true they fail instead.
package realtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// A Component is something that can be ended with all that it had.
type Component interface{ Remove() error }

// One is the component that the tests of a program share.
type One[C Component] struct {
	// Name is for those who read why a test was skipped: "a Docker engine".
	Name string
	// New starts one.
	New func() (C, error)

	mu      sync.Mutex
	started bool
	it      C
	err     error
}

// Start returns the component, which is started when it is wanted for the first time. Main ends it.
func (o *One[C]) Start(t testing.TB) C {
	t.Helper()
	if testing.Short() {
		t.Skipf("needs %s, which is more than a short test may take", o.Name)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.started {
		o.started = true
		if o.it, o.err = o.New(); o.err == nil {
			ends.Lock()
			ends.all = append(ends.all, o.it.Remove)
			ends.Unlock()
		}
	}
	Require(t, o.err)
	return o.it
}

// ends are how the components that were started end.
var ends struct {
	sync.Mutex
	all []func() error
}

// Main is what TestMain of a package that uses Start is to do: it runs the tests and ends the
// components that they started.
func Main(m *testing.M) {
	code := m.Run()
	ends.Lock()
	defer ends.Unlock()
	for _, end := range ends.all {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Require skips a test, or under CI=true fails it, when err says that there is no component.
func Require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// Root is the folder of the module.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Script runs one of tools/real and returns what it prints.
func Script(name string, args ...string) (string, error) {
	return Run(exec.Command(filepath.Join(Root(), "tools", "real", name), args...)) //nolint:noctx // it is quick, and must be through with it
}

// Run runs a command and returns what it prints; an error has what it complained of.
func Run(cmd *exec.Cmd) (string, error) {
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, complaint.String())
	}
	return out.String(), nil
}
