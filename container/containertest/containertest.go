// Package containertest is the contract of package container for machines:
// every Factory passes Run.
//
// The programs that the containers of the suite run are scripts for /bin/sh and
// python3, given on the command line, so that no file must be brought along.
package containertest

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"quirl/container"
)

// Options tell what a Factory cannot do, so that its cases are skipped, and how
// its specs must look.
type Options struct {
	// NoMemoryLimit says that memory is not limited, or not so that running out
	// of it is reported.
	NoMemoryLimit bool
	// NoPidsLimit says that processes are not counted.
	NoPidsLimit bool
	// NoMounts says that Spec.Mounts is not honoured.
	NoMounts bool
	// NoPidNamespace says that processes which left the container's first one
	// behind may survive it, until Remove.
	NoPidNamespace bool

	// Lives is how many containers the search for leaks makes, unless it is asked for
	// more; default 500.
	Lives int

	// Helpers are the processes, beside the test's own, with which the factory in
	// use works; their open files are counted. May be nil.
	Helpers func(*testing.T) []int
	// Foreign says that a process, mount, cgroup or network interface is of another
	// factory on this machine, whatever it is doing. May be nil.
	Foreign func(name string) bool

	// Adapt changes each spec before it is used, e.g. to set Image. May be nil.
	Adapt func(container.Spec) container.Spec
	// Python is the path of python3 inside a container; default /usr/bin/python3.
	Python string
}

// patience bounds each wait of the suite for something that must happen.
const patience = 60 * time.Second

// enough is a memory limit that no test program reaches by accident, in bytes.
const enough = 256 << 20

// Run checks a Factory. open must return a fresh one on each call; factories
// are not used at the same time, and closed before the next is opened.
func Run(t *testing.T, open func(*testing.T) container.Factory, options Options) {
	if options.Python == "" {
		options.Python = "/usr/bin/python3"
	}
	if options.Lives == 0 {
		options.Lives = lives
	}
	for _, c := range []struct {
		name string
		fn   func(*testing.T, *bench)
		skip bool
	}{
		{"output carries every byte and ends", testOutput, false},
		{"output ends on remove", testOutputEnds, false},
		{"exit codes", testExit, false},
		{"environment is the spec's alone", testEnvironment, false},
		{"missing program", testNoCommand, false},
		{"bad specs", testBadSpecs, false},
		{"dial while booting", testDialEarly, false},
		{"many dials at once", testDialMany, false},
		{"dial a container that has ended", testDialGone, false},
		{"connections break when the container goes", testConnectionsBreak, false},
		{"pause and resume", testPause, false},
		{"pause at once", testPauseAtOnce, false},
		{"remove again and again", testRemoveTwice, false},
		{"remove leaves no process", testRemoveProcesses, false},
		{"remove while paused", testRemovePaused, false},
		{"the first process takes all others along", testFirstProcess, options.NoPidNamespace},
		{"twenty at once", testParallel, false},
		{"cancelled create", testCancelledCreate, false},
		{"mounts", testMounts, options.NoMounts},
		{"memory limit", testMemory, options.NoMemoryLimit},
		{"memory limit of a child process", testMemoryOfChild, options.NoMemoryLimit},
		{"pids limit", testPids, options.NoPidsLimit},
		{"prepared shells", testPrepare, false},
		{"prepared shells of a missing program", testPrepareMissing, false},
		{"a door to the host", testDoor, false},
		{"a folder shown while it runs", testShow, false},
		{"cleanup with nothing to clean", testCleanup, false},
		{"close removes all", testClose, false},
		{"close breaks what is going on", testCloseBusy, false},
		{"nothing leaks", testLeaks, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.skip {
				t.Skip("this factory says it cannot do that")
			}
			c.fn(t, newBench(t, open, options))
		})
	}
}

// A bench is where a case works: a factory and short ways to use it.
type bench struct {
	container.Factory
	ctx     context.Context
	options Options
	serial  int
}

func newBench(t *testing.T, open func(*testing.T) container.Factory, options Options) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	b := &bench{Factory: open(t), ctx: ctx, options: options}
	t.Cleanup(func() {
		cancel()
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := b.Cleanup(ctx); err != nil {
		t.Fatalf("cleanup before the first create: %v", err)
	}
	return b
}

func (b *bench) spec(command ...string) container.Spec {
	b.serial++
	s := container.Spec{
		Name:    fmt.Sprintf("wsk0_%d_guest_test", b.serial),
		Kind:    "test:1",
		Command: command,
		Env:     []string{"PATH=/usr/bin:/bin", "TZ=UTC"},
		Memory:  enough,
	}
	if b.options.Adapt != nil {
		s = b.options.Adapt(s)
	}
	return s
}

func (b *bench) sh(script string) container.Spec { return b.spec("/bin/sh", "-c", script) }

func (b *bench) python(script string) container.Spec {
	return b.spec(b.options.Python, "-I", "-c", script)
}

// create starts a container that is removed after the case.
func (b *bench) create(t *testing.T, spec container.Spec) container.Container {
	t.Helper()
	c, err := b.Create(b.ctx, spec)
	if err != nil {
		t.Fatalf("create %q: %v", spec.Command, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := c.Remove(ctx); err != nil {
			t.Errorf("remove %q: %v", spec.Command, err)
		}
	})
	return c
}

// A Result is what a container left behind.
type Result struct {
	Stdout, Stderr string
	Exit           container.Exit
}

// Finish reads the output of c until its end and waits for its exit.
func Finish(ctx context.Context, c container.Container) (Result, error) {
	stdout, stderr := c.Output()
	type stream struct {
		text []byte
		err  error
	}
	out, errs := make(chan stream, 1), make(chan stream, 1)
	read := func(r io.Reader, to chan stream) {
		text, err := io.ReadAll(r)
		to <- stream{text, err}
	}
	go read(stdout, out)
	go read(stderr, errs)
	var r Result
	for range 2 {
		select {
		case s := <-out:
			if s.err != nil {
				return r, fmt.Errorf("read standard output: %w", s.err)
			}
			r.Stdout = string(s.text)
		case s := <-errs:
			if s.err != nil {
				return r, fmt.Errorf("read standard error: %w", s.err)
			}
			r.Stderr = string(s.text)
		case <-ctx.Done():
			return r, fmt.Errorf("output does not end: %w", ctx.Err())
		}
	}
	select {
	case <-c.Done():
	case <-ctx.Done():
		return r, fmt.Errorf("process does not end: %w", ctx.Err())
	}
	r.Exit = c.Exit()
	return r, nil
}

// finish runs spec to its end.
func (b *bench) finish(t *testing.T, spec container.Spec) Result {
	t.Helper()
	r, err := Finish(b.ctx, b.create(t, spec))
	if err != nil {
		t.Fatalf("run %q: %v", spec.Command, err)
	}
	return r
}

// remove removes c and fails the test when it cannot.
func (b *bench) remove(t *testing.T, c container.Container) {
	t.Helper()
	if err := c.Remove(b.ctx); err != nil {
		t.Fatalf("remove %s: %v", c.ID(), err)
	}
}

// within waits until happened says so; details tell how it stands instead.
func (b *bench) within(t *testing.T, what string, happened func() bool, details ...func() string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-b.ctx.Done():
			for _, tell := range details {
				what += ": " + tell()
			}
			t.Fatalf("%s: did not happen in time", what)
		case <-tick.C:
		}
	}
}
