package dockercontainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"quirl/container"
)

// A box is one started container.
type box struct {
	factory *Factory
	name    string
	made    *made

	done chan struct{} // closed when the first process has ended
	exit container.Exit

	located chan struct{} // closed when at and pid are known
	at      string        // host:port of the runtime
	pid     int           // of the first process, as the engine sees it

	limited chan struct{} // closed when the limits are those of the Spec

	turn chan struct{} // one pausing or resuming at a time

	mu       sync.Mutex
	conns    map[*conn]struct{} // nil once the process has ended
	removing bool
	answered bool // the published port leads somewhere

	removal sync.Once
	removed chan struct{}
	err     error // of the removal; valid after removed
}

var _ container.Container = (*box)(nil)

func newBox(f *Factory, m *made, name string) *box {
	b := &box{
		factory: f, name: name, made: m,
		done: make(chan struct{}), located: make(chan struct{}), removed: make(chan struct{}),
		limited: make(chan struct{}), turn: make(chan struct{}, 1), conns: map[*conn]struct{}{},
	}
	close(b.limited)
	f.mu.Lock()
	f.living[b] = struct{}{}
	f.mu.Unlock()
	go b.follow()
	go b.locate()
	return b
}

func (b *box) ID() string { return b.name }
func (b *box) Output() (stdout, stderr io.Reader) {
	return b.made.output.stdout, b.made.output.stderr
}
func (b *box) Done() <-chan struct{} { return b.done }

func (b *box) Exit() container.Exit {
	if !b.isDone() {
		return container.Exit{}
	}
	return b.exit
}

func (b *box) isDone() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

func (b *box) gone() error { return fmt.Errorf("container %s: %w", b.name, container.ErrGone) }

// Pause stops every process of the container, by the engine's freezer.
func (b *box) Pause(ctx context.Context) error { return b.change(ctx, "pause", b.freeze, b.thaw) }

// Resume continues a paused container.
func (b *box) Resume(ctx context.Context) error {
	return b.change(ctx, "resume", b.thaw, func() error { return nil })
}

func (b *box) freeze() error {
	_, err := b.factory.engine.ContainerPause(b.factory.ctx, b.made.id, client.ContainerPauseOptions{})
	return unlessAlready(err, "already paused")
}

// thawTries and thawPause are for an engine under load, which may answer a pause before its runtime
// has noted it; what it says of a resume then contains stillRunning.
const (
	thawTries    = 10
	thawPause    = 50 * time.Millisecond
	stillRunning = "cannot resume a running process"
)

func (b *box) thaw() (err error) {
	for range thawTries {
		_, err = b.factory.engine.ContainerUnpause(b.factory.ctx, b.made.id, client.ContainerUnpauseOptions{})
		if err == nil || !strings.Contains(err.Error(), stillRunning) {
			break
		}
		time.Sleep(thawPause)
	}
	return unlessAlready(err, "is not paused")
}

// unlessAlready forgives that there was nothing to do.
func unlessAlready(err error, words string) error {
	if err != nil && strings.Contains(err.Error(), words) {
		return nil
	}
	return err
}

// change does one thing to the container. When the caller's context ends first,
// the engine may still be about to do it, and then it is undone: a container is
// never paused without somebody knowing.
func (b *box) change(ctx context.Context, what string, do, undo func() error) error {
	if b.isDone() {
		return b.gone()
	}
	select {
	case b.turn <- struct{}{}:
	case <-b.done:
		return b.gone()
	case <-ctx.Done():
		return fmt.Errorf("%s container %s: %w", what, b.name, ctx.Err())
	}
	outcome := make(chan error)
	abandoned := make(chan struct{})
	defer close(abandoned)
	go func() {
		defer func() { <-b.turn }()
		err := do()
		select {
		case outcome <- err:
		case <-abandoned:
			if err := errors.Join(err, undo()); err != nil && !b.isDone() {
				b.factory.log.Warn("container may be in the wrong state", "container", b.name, "wanted", "not "+what, "error", err)
			}
		}
	}()
	result, err := await(ctx, b.factory, outcome)
	if err != nil {
		return fmt.Errorf("%s container %s: %w", what, b.name, err)
	}
	return b.outcome(what, result)
}

func (b *box) outcome(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case b.isDone(), errdefs.IsNotFound(err), strings.Contains(err.Error(), "is not running"):
		return b.gone()
	}
	return fmt.Errorf("%s container %s: %w", what, b.name, err)
}

// Remove kills what runs and gives everything back. The removal goes on when
// ctx ends before it is over.
func (b *box) Remove(ctx context.Context) error {
	b.removal.Do(func() {
		b.mu.Lock()
		b.removing = true
		b.mu.Unlock()
		counted := b.factory.begin()
		go func() {
			if counted {
				defer b.factory.work.Done()
			}
			b.err = b.remove()
			close(b.removed)
		}()
	})
	select {
	case <-b.removed:
		return b.err
	case <-ctx.Done():
		return fmt.Errorf("remove container %s: %w", b.name, ctx.Err())
	}
}

func (b *box) remove() error {
	f := b.factory
	if err := f.removeContainer(f.ctx, b.made.id); err != nil {
		return fmt.Errorf("remove container %s: %w", b.name, err)
	}
	<-b.done
	b.made.output.last()
	<-b.made.output.over
	f.mu.Lock()
	delete(f.living, b)
	delete(f.names, b.name)
	f.mu.Unlock()
	return nil
}

// A conn is a connection that ends with its container.
type conn struct {
	net.Conn
	box *box
}

// keep takes a connection on, unless the container is gone.
func (b *box) keep(c net.Conn) (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conns == nil {
		_ = c.Close()
		return nil, b.gone()
	}
	kept := &conn{c, b}
	b.conns[kept] = struct{}{}
	return kept, nil
}

// Close closes the connection.
func (c *conn) Close() error {
	c.box.mu.Lock()
	delete(c.box.conns, c)
	c.box.mu.Unlock()
	return c.Conn.Close()
}

// cut ends all connections.
func (b *box) cut() {
	b.mu.Lock()
	all := b.conns
	b.conns = nil
	b.mu.Unlock()
	for c := range all {
		_ = c.Conn.Close()
	}
}
