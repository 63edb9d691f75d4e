package dockercontainer_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"quirl/container"
	"quirl/container/dockercontainer"
	"quirl/container/dockercontainer/dockertest"
)

// TestEngineRestarts stops the engine under running, paused and prepared containers,
// once in its own way and once by force.
func TestEngineRestarts(t *testing.T) {
	engine := dockertest.Start(t)
	for name, end := range map[string]func() error{"stopped": engine.Stop, "killed": engine.Kill} {
		t.Run(name, func(t *testing.T) {
			f := open(t, engine, "restarts")
			f.Prepare(greeterSpec("shell"), 1)
			running, paused := create(t, f, greeterSpec("running")), create(t, f, greeterSpec("paused"))
			greets(t, running)
			greets(t, paused)
			must(t, paused.Pause(t.Context()))

			must(t, end())
			if _, err := f.Create(t.Context(), greeterSpec("early")); err == nil || !strings.Contains(err.Error(), engine.Host) {
				t.Errorf("create without an engine: got %v, want an error that names %s", err, engine.Host)
			}
			must(t, engine.Start())

			for _, c := range []container.Container{running, paused} {
				ends(t, c)
				if _, err := c.Dial(t.Context()); !errors.Is(err, container.ErrGone) {
					t.Errorf("dial %s: got %v, want ErrGone", c.ID(), err)
				}
				must(t, c.Remove(t.Context()))
			}
			if err := paused.Resume(t.Context()); !errors.Is(err, container.ErrGone) {
				t.Errorf("resume: got %v, want ErrGone", err)
			}
			for _, name := range []string{"shell", "later"} { // the first may find the lost shell
				greets(t, create(t, f, greeterSpec(name)))
			}
		})
	}
}

// TestEngineHangs stops the engine's process for a while.
func TestEngineHangs(t *testing.T) {
	engine := dockertest.Start(t)
	f := open(t, engine, "hangs", func(c *dockercontainer.Config) { c.Patience = time.Second })
	running, paused := create(t, f, greeterSpec("running")), create(t, f, greeterSpec("paused"))
	greets(t, running)
	greets(t, paused)
	must(t, paused.Pause(t.Context()))

	must(t, engine.Signal(syscall.SIGSTOP))
	defer func() { must(t, engine.Signal(syscall.SIGCONT)) }()
	_, created := f.Create(t.Context(), greeterSpec("hangs"))
	for what, err := range map[string]error{
		"create": created, "pause": running.Pause(t.Context()), "resume": paused.Resume(t.Context()),
	} {
		if err == nil || !strings.Contains(err.Error(), "no engine answers at "+engine.Host) {
			t.Errorf("%s: got %v, want an error that says that no engine answers at %s", what, err, engine.Host)
		}
	}
	greets(t, running) // calls do not go through the engine

	must(t, engine.Signal(syscall.SIGCONT))
	greets(t, running) // that the engine paused it late was undone
	must(t, paused.Resume(t.Context()))
	greets(t, paused)
	greets(t, create(t, f, greeterSpec("later")))
	// What was made too late, for a caller that had gone, is removed again.
	for strings.Contains(listed(t, engine, "quirl_hangs_hangs"), "quirl") {
		if t.Context().Err() != nil {
			t.Fatal("a container is left that nobody waits for")
		}
	}
}

// TestKilledOutside kills containers through the engine, behind the factory's back.
func TestKilledOutside(t *testing.T) {
	engine := dockertest.Start(t)
	f := open(t, engine, "outside")
	for _, name := range []string{"running", "paused"} {
		c := create(t, f, greeterSpec(name))
		greets(t, c)
		conn, err := c.Dial(t.Context())
		must(t, err)
		defer conn.Close()
		if name == "paused" {
			must(t, c.Pause(t.Context()))
		}
		_, err = engine.Docker("kill", "quirl_outside_"+name)
		must(t, err)
		ends(t, c)
		if got, want := c.Exit(), (container.Exit{Code: 137}); got != want {
			t.Errorf("%s: exit: got %+v, want %+v", name, got, want)
		}
		if err := c.Resume(t.Context()); !errors.Is(err, container.ErrGone) {
			t.Errorf("%s: resume: got %v, want ErrGone", name, err)
		}
		if _, err := io.ReadAll(conn); err == nil {
			t.Errorf("%s: the connection does not break", name)
		}
		must(t, c.Remove(t.Context()))
	}
	// One that was removed behind our back is nothing to complain about, either.
	c := create(t, f, greeterSpec("removed"))
	_, err := engine.Docker("rm", "--force", "quirl_outside_removed")
	must(t, err)
	ends(t, c)
	must(t, c.Remove(t.Context()))
	greets(t, create(t, f, greeterSpec("removed")))
}

func TestMissingImage(t *testing.T) {
	engine := dockertest.Start(t)
	f := open(t, engine, "missing")
	for _, pull := range []container.Pull{container.PullMissing, container.PullAlways, container.PullIfPossible, container.PullNever} {
		spec := greeterSpec("missing")
		// Nothing listens on this port, so it cannot be pulled, wherever the test runs.
		spec.Image, spec.Pull = "127.0.0.1:1/quirl-test/none:7", pull
		_, err := f.Create(t.Context(), spec)
		if !errors.Is(err, container.ErrNoImage) || !strings.Contains(err.Error(), spec.Image) {
			t.Errorf("pull rule %d: got %v, want ErrNoImage that names %s", pull, err, spec.Image)
		}
	}
	if left := listed(t, engine, "quirl_missing_"); left != "" {
		t.Errorf("left behind: %s", left)
	}
	greets(t, create(t, f, greeterSpec("good")))
}

// TestDiskFull fills all that a container may write to.
func TestDiskFull(t *testing.T) {
	f := open(t, dockertest.Start(t), "full")
	spec := pythonSpec("full", `
import os, sys
for place in ("/tmp/full", "/dev/shm/full", "/full"):
    try:
        with open(place, "wb", buffering=0) as f:
            for _ in range(4096): f.write(bytes(1 << 20))
        print(place, "never full")
    except OSError as e:
        print(place, os.strerror(e.errno))
`+greeter)
	spec.Memory = 512 << 20 // what is in /tmp and /dev/shm is memory of the container
	c := create(t, f, spec)
	greets(t, c)
	must(t, c.Remove(t.Context()))
	stdout, _ := c.Output()
	text, err := io.ReadAll(stdout)
	must(t, err)
	want := "/tmp/full No space left on device\n/dev/shm/full No space left on device\n/full Read-only file system\n"
	if got := string(text); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	greets(t, create(t, f, greeterSpec("next")))
}
