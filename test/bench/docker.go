package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"quirl/container/dockercontainer/dockertest"
)

// docker measures containers by Docker, on an engine of its own: cold starts beside
// a bare `docker run` of the same program, warm calls beside those of the sandbox.
func docker(ctx context.Context, o options) (rows []row, err error) {
	engine, err := dockertest.New()
	if err != nil {
		fmt.Println("containers by Docker are not measured, no engine can be started:", err)
		return nil, nil
	}
	defer func() { err = errors.Join(err, engine.Remove()) }()
	s, err := startDocker(ctx, engine)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	for _, l := range []struct{ name, usual, other, code string }{
		{"Node", "nodejs:default", "nodejs:22", noop},
		{"Python", "python:default", "python:3.12", "def main(args):\n    return {}"},
	} {
		more, err := dockerStarts(s, o, l.name, l.usual, l.other, l.code)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	warm, err := dockerWarm(ctx, s, o)
	return append(rows, warm), err
}

// A dockerServer makes its containers with an engine.
type dockerServer struct {
	*server
	engine *dockertest.Engine
}

// startDocker starts a server whose kinds all have the engine's image.
func startDocker(ctx context.Context, engine *dockertest.Engine) (*dockerServer, error) {
	dir, err := os.MkdirTemp("", "quirl-bench-")
	if err != nil {
		return nil, err
	}
	text, err := dockertest.Manifest()
	if err != nil {
		return nil, err
	}
	manifest := filepath.Join(dir, "manifest.json")
	if err := os.WriteFile(manifest, text, 0o644); err != nil {
		return nil, err
	}
	s, err := startIn(ctx, dir, "--containers=docker://?host="+engine.Host, "--manifest="+manifest, "--stem-cells=false",
		"--memory=65536", "--pause-after=0s", "--invocations-per-minute=100000000")
	if err != nil {
		return nil, err
	}
	if _, err := engine.Docker("network", "create", "bare"); err != nil {
		s.stop()
		return nil, err
	}
	return &dockerServer{s, engine}, nil
}

// dockerStarts measures first calls of functions of two kinds with the same image:
// the usual one has a shell waiting, the other has not.
func dockerStarts(s *dockerServer, o options, name, usual, other, code string) ([]row, error) {
	var shell, none, bare []time.Duration
	for i := range o.starts + 1 { // the first finds nothing in the machine's caches
		for kind, to := range map[string]*[]time.Duration{usual: &shell, other: &none} {
			if err := s.awaitShells(2); err != nil {
				return nil, err
			}
			d, err := s.firstCall(fmt.Sprintf("%s%d_%v", name, i, kind == usual), kind, code)
			if err != nil {
				return nil, err
			}
			*to = append(*to, d)
		}
		if err := s.awaitShells(2); err != nil {
			return nil, err
		}
		d, err := s.bareRun(name)
		if err != nil {
			return nil, err
		}
		bare = append(bare, d)
	}
	what := "cold start through Docker, beside the first byte of a bare `docker run` of its server, "
	return []row{
		{what: what + "no shell, " + name, stats: none[1:], floor: bare[1:], target: "+20 ms P50"},
		{what: what + "with a shell, " + name, stats: shell[1:], floor: bare[1:], target: "+20 ms P50"},
	}, nil
}

// firstCall creates a function and calls it.
func (s *dockerServer) firstCall(name, kind, code string) (time.Duration, error) {
	if err := s.createKind(name, kind, code); err != nil {
		return 0, err
	}
	s.settle()
	return s.invoke(name)
}

// awaitShells waits until the factory has made its shells, so that it is at rest.
func (s *dockerServer) awaitShells(n int) error {
	for began := time.Now(); time.Since(began) < 20*time.Second; s.settle() {
		names, err := s.engine.Docker("ps", "--quiet", "--filter", "name=_shell_")
		if err != nil {
			return err
		}
		if lines(names) == n {
			return nil
		}
	}
	return fmt.Errorf("there are not %d shells", n)
}

func lines(text string) (n int) {
	for _, c := range text {
		if c == '\n' {
			n++
		}
	}
	return n
}

// dockerWarm measures warm calls in turns with those of a server with the sandbox.
func dockerWarm(ctx context.Context, s *dockerServer, o options) (row, error) {
	sandbox, err := start(ctx, "--stem-cells=false", "--invocations-per-minute=100000000", "--pause-after=0s")
	if err != nil {
		return row{}, err
	}
	defer sandbox.stop()
	r := row{what: "warm call through Docker, beside one through the sandbox", target: "the bridge's own cost"}
	turns := []struct {
		s  *server
		to *[]time.Duration
	}{{s.server, &r.stats}, {sandbox, &r.floor}}
	for _, t := range turns {
		if err := t.s.create("noop", noop); err != nil {
			return row{}, err
		}
	}
	for round := range 13 {
		for _, t := range turns {
			for range o.calls / 10 {
				d, err := t.s.invoke("noop")
				if err != nil {
					return row{}, err
				}
				if round > 2 { // everything is warm by then
					*t.to = append(*t.to, d)
				}
			}
		}
	}
	return r, nil
}
