package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"quirl/container"
	"quirl/container/sandboxcontainer"
)

// pauses is how often a container is paused and resumed.
const pauses = 100

// resume measures calls that find their container paused, and the pause itself.
func resume(ctx context.Context, _ options) ([]row, error) {
	s, err := start(ctx, "--stem-cells=false", "--pause-after=20ms")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if err := s.create("noop", noop); err != nil {
		return nil, err
	}
	var paused, warm []time.Duration
	for i := range pauses {
		first, err := s.invoke("noop") // of a paused container, but for the very first
		if err != nil {
			return nil, err
		}
		second, err := s.invoke("noop")
		if err != nil {
			return nil, err
		}
		if i > 0 {
			paused, warm = append(paused, first), append(warm, second)
		}
		if err := s.awaitPause(); err != nil {
			return nil, err
		}
	}
	alone, err := factoryPauses(ctx)
	return append([]row{{what: "call of a function whose container is paused, beside the next, warm one", stats: paused, floor: warm, target: "+1 ms P50"}}, alone...), err
}

// awaitPause waits until a container is paused.
func (s *server) awaitPause() error {
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(time.Millisecond) {
		for _, dir := range s.boxes("freezer") {
			state, _ := os.ReadFile(filepath.Join(dir, "freezer.state"))  // of version 1
			events, _ := os.ReadFile(filepath.Join(dir, "cgroup.events")) // of version 2
			if strings.TrimSpace(string(state)) == "FROZEN" || strings.Contains(string(events), "frozen 1") {
				return nil
			}
		}
	}
	return errors.New("no container is paused")
}

// boxes are the cgroups of the server's sandboxes, in the hierarchy of a
// controller where there are several hierarchies.
func (s *server) boxes(controller string) []string {
	v1, _ := filepath.Glob("/sys/fs/cgroup/" + controller + "/quirl/" + s.instance() + "/b*") // the patterns are good
	v2, _ := filepath.Glob("/sys/fs/cgroup/quirl/" + s.instance() + "/b*")
	return append(v1, v2...)
}

// factoryPauses measures the sandbox without the platform.
func factoryPauses(ctx context.Context) (rows []row, err error) {
	dir, err := os.MkdirTemp("/tmp", "qb") // short: it holds sockets
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	launcher, err := filepath.Abs("bin/quirl-sandbox")
	if err == nil {
		err = os.Chmod(dir, 0o755) // containers are other users
	}
	if err != nil {
		return nil, err
	}
	f, err := sandboxcontainer.New(sandboxcontainer.Config{Dir: dir, Instance: fmt.Sprintf("bench-%d", os.Getpid()), Launcher: launcher, Log: slog.Default()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	c, err := f.Create(ctx, container.Spec{Name: "bench", Kind: "bench", Command: []string{"/bin/sleep", "1000"}, Memory: 64 << 20})
	if err != nil {
		return nil, err
	}
	var pause, resume []time.Duration
	for range 10 * pauses {
		began := time.Now()
		if err := c.Pause(ctx); err != nil {
			return nil, err
		}
		between := time.Now()
		if err := c.Resume(ctx); err != nil {
			return nil, err
		}
		pause, resume = append(pause, between.Sub(began)), append(resume, time.Since(between))
	}
	return []row{
		{what: "pause of a sandbox, without the platform", stats: pause, target: "≤ 1 ms P50"},
		{what: "resume of a sandbox, without the platform", stats: resume, target: "≤ 1 ms P50"},
	}, nil
}
