// Package lifecycle runs the long-lived parts of a process together and stops
// them in order.
//
// It promises that a part is stopped only after all parts above it have
// returned, and that the stop ends within its grace period.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// A Runner works until ctx ends, and returns with no goroutine left.
type Runner interface {
	Run(ctx context.Context) error
}

// RunnerFunc is a function as Runner.
type RunnerFunc func(ctx context.Context) error

// Run calls f.
func (f RunnerFunc) Run(ctx context.Context) error { return f(ctx) }

// A Stack is the parts of a process, the deepest first.
type Stack struct {
	// Grace is how long stopping may take in all.
	Grace time.Duration
	Log   *slog.Logger

	parts []part
}

type part struct {
	name   string
	runner Runner
}

// Add puts a part on top: it is started after those below and stopped before them.
func (s *Stack) Add(name string, r Runner) { s.parts = append(s.parts, part{name, r}) }

type ended struct {
	index int
	err   error
}

// Run starts all parts and runs until ctx ends, a signal (SIGINT, SIGTERM)
// comes or one part returns. Then it stops the parts from the top, each after
// those above it. A second signal, or the end of the grace period, ends the
// wait. The errors of all parts are joined.
func (s *Stack) Run(ctx context.Context) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	ends := make(chan ended, len(s.parts))
	cancels := make([]context.CancelFunc, len(s.parts))
	for i, p := range s.parts {
		partCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancels[i] = cancel
		go func() {
			err := p.runner.Run(partCtx)
			if err != nil {
				err = fmt.Errorf("%s: %w", p.name, err)
			}
			ends <- ended{i, err}
		}()
	}
	running := make([]bool, len(s.parts))
	for i := range running {
		running[i] = true
	}
	var errs error
	note := func(e ended) {
		running[e.index] = false
		errs = errors.Join(errs, e.err)
	}
	select {
	case <-ctx.Done():
	case sig := <-signals:
		s.Log.Info("stopping", "signal", sig.String())
	case e := <-ends:
		note(e)
	}
	grace := time.NewTimer(s.Grace)
	defer grace.Stop()
	for i := len(s.parts) - 1; i >= 0; i-- {
		cancels[i]()
		for running[i] {
			select {
			case e := <-ends:
				note(e)
			case <-grace.C:
				return errors.Join(errs, fmt.Errorf("%s did not stop within %v", s.parts[i].name, s.Grace))
			case <-signals:
				return errors.Join(errs, errors.New("stopped by a second signal"))
			}
		}
	}
	return errs
}
