package containertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"quirl/container"
)

// soakVariable says how many containers the case makes and removes.
const soakVariable = "QUIRL_SOAK"

// lives is how many containers are made without being asked otherwise.
const lives = 500

// atOnce is how many of them live at the same time.
const atOnce = 6

func testLeaks(t *testing.T, b *bench) {
	n := soakLength(t, b.options.Lives)
	const slowest = 500 * time.Millisecond // of one life, on a busy machine
	ctx, cancel := context.WithTimeout(context.Background(), patience+time.Duration(n)*slowest)
	defer cancel()
	b.ctx = ctx
	l := &leaks{bench: b, marker: fmt.Sprintf("quirl-soak-%d", os.Getpid())}
	l.live(t, 3*len(sorts)) // what is made once is made now
	before := l.census(t)
	began := time.Now()
	l.live(t, n)
	took := time.Since(began)
	ended := time.Now()
	ctx, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	b.ctx = ctx
	var after census
	var left []string
	l.within(t, "nothing left of them", func() bool {
		after = l.census(t)
		left = after.beyond(before)
		return len(left) == 0
	}, func() string { return fmt.Sprintf("%q", left) })
	t.Logf("%d containers in %v, %v each; nothing left after %v\nbefore: %v\nafter:  %v", n, took.Round(time.Millisecond),
		(took / time.Duration(n)).Round(time.Microsecond), time.Since(ended).Round(time.Millisecond), before, after)
}

func soakLength(t *testing.T, lives int) int {
	t.Helper()
	text := os.Getenv(soakVariable)
	if text == "" {
		return lives
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: want a number of containers", soakVariable, text)
	}
	return n
}

// leaks is a bench for containers without number. All of their processes have
// the marker on their command line.
type leaks struct {
	*bench
	marker string
}

// sorts are the lives that a container may have. They return an error, as they
// are led in goroutines.
var sorts = []func(*leaks, container.Spec) error{
	(*leaks).endByItself, (*leaks).pauseAndRemove, (*leaks).dieInside, (*leaks).removeBooting,
	(*leaks).endByItself, (*leaks).cancelCreation, (*leaks).dieInside, (*leaks).callAndRemove,
}

// live leads n lives, a few at a time, with prepared shells where there are any.
func (l *leaks) live(t *testing.T, n int) {
	t.Helper()
	preparer, prepares := l.Factory.(container.Preparer)
	shells := l.sh(l.script(0))
	if prepares {
		preparer.Prepare(shells, 2)
		defer preparer.Prepare(shells, 0)
	}
	results := make(chan error, atOnce)
	for i := range n + atOnce {
		if i >= atOnce {
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
		if i >= n {
			continue
		}
		sort := i % len(sorts)
		spec := l.sh(l.script(sort))
		if sort == len(sorts)-1 {
			spec = l.serverSpec(0, false)
			spec.Command = append(spec.Command, l.marker)
		}
		go func() { results <- sorts[sort](l, spec) }()
	}
}

// script is the program of a sort of life.
func (l *leaks) script(sort int) string {
	switch sort {
	case 0, 4:
		return "echo hello; : " + l.marker
	case 2, 6: // with children, one of them in a session of its own
		return "sleep 1000 & setsid sleep 1000 & kill -9 $$; exit 9; : " + l.marker
	default:
		return "echo hello; sleep 1000; : " + l.marker
	}
}

func (l *leaks) endByItself(spec container.Spec) error { return l.echo(spec, "hello\n") }

func (l *leaks) pauseAndRemove(spec container.Spec) error {
	c, err := l.Create(l.ctx, spec)
	if err != nil {
		return err
	}
	err = c.Pause(l.ctx)
	return errors.Join(err, c.Remove(l.ctx))
}

func (l *leaks) dieInside(spec container.Spec) error {
	c, err := l.Create(l.ctx, spec)
	if err != nil {
		return err
	}
	select {
	case <-c.Done():
	case <-l.ctx.Done():
		err = fmt.Errorf("%s does not die: %w", c.ID(), l.ctx.Err())
	}
	return errors.Join(err, c.Remove(l.ctx))
}

// removeBooting reads no output either.
func (l *leaks) removeBooting(spec container.Spec) error {
	c, err := l.Create(l.ctx, spec)
	if err != nil {
		return err
	}
	return c.Remove(l.ctx)
}

// cancelCreation changes its mind while the container is being made.
func (l *leaks) cancelCreation(spec container.Spec) error {
	ctx, cancel := context.WithTimeout(l.ctx, 2*time.Millisecond)
	defer cancel()
	c, err := l.Create(ctx, spec)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.Remove(l.ctx)
}

// callAndRemove removes a server with a connection open.
func (l *leaks) callAndRemove(spec container.Spec) error {
	c, err := l.Create(l.ctx, spec)
	if err != nil {
		return err
	}
	conn, err := c.Dial(l.ctx)
	if err != nil {
		return errors.Join(err, c.Remove(l.ctx))
	}
	defer conn.Close()
	if shower, can := c.(container.Shower); can && os.Geteuid() == 0 {
		if _, err := shower.Show(l.ctx, os.TempDir()); err != nil {
			return errors.Join(err, c.Remove(l.ctx))
		}
	}
	_, err = ask(l.ctx, conn)
	return errors.Join(err, c.Remove(l.ctx))
}
