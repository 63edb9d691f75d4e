//go:build linux

package sandboxcontainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"quirl/container"
	"quirl/container/sandboxcontainer/wire"
)

// dialRetry is how often a full queue of connections is tried again.
const dialRetry = 2 * time.Millisecond

// A sandbox is a started shell: one container.
type sandbox struct {
	factory *Factory
	shell   *shell
	name    string
	freezer freezer
	tmp     int64 // bytes that it may write to a folder in memory

	removing sync.Once
	removed  chan struct{} // closed when the first removal is over
	err      error         // of the removal; valid after removed
}

var (
	_ container.Container = (*sandbox)(nil)
	_ container.Doorway   = (*sandbox)(nil)
	_ container.Shower    = (*sandbox)(nil)
)

func newSandbox(f *Factory, s *shell, name string, tmp int64) *sandbox {
	return &sandbox{factory: f, shell: s, name: name, tmp: tmp, freezer: newFreezer(s.box), removed: make(chan struct{})}
}

func (c *sandbox) ID() string                         { return c.name }
func (c *sandbox) Output() (stdout, stderr io.Reader) { return c.shell.stdout, c.shell.stderr }
func (c *sandbox) Done() <-chan struct{}              { return c.shell.done }

func (c *sandbox) Exit() container.Exit {
	if !c.shell.isDone() {
		return container.Exit{}
	}
	return c.shell.exit
}

// Dial connects to the container's server.
func (c *sandbox) Dial(ctx context.Context) (net.Conn, error) {
	if c.shell.foreign {
		return c.dialPort(ctx)
	}
	return c.dialSocket(ctx)
}

// dialPort has the launcher connect from within the container's network, as soon
// as the program listens.
func (c *sandbox) dialPort(ctx context.Context) (net.Conn, error) {
	for {
		socket, err := c.shell.launcher.callForFile(wire.Message{Dial: &wire.Dial{Box: c.shell.id, Port: container.Port}})
		switch {
		case c.shell.isDone(), errors.Is(err, errLauncherGone):
			if socket != nil {
				socket.Close()
			}
			return nil, c.gone()
		case err == nil:
			defer socket.Close() // the connection has a copy
			return net.FileConn(socket)
		case !errors.Is(err, errRefused):
			return nil, fmt.Errorf("dial container %s: %w", c.name, err)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("dial container %s: nobody listens on port %d: %w", c.name, container.Port, ctx.Err())
		}
	}
}

// dialSocket connects to the socket that the program was given. The kernel accepts
// before the program does, so there is nothing to wait for.
func (c *sandbox) dialSocket(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	for {
		if c.shell.isDone() {
			return nil, c.gone()
		}
		conn, err := dialer.DialContext(ctx, "unix", c.shell.socket)
		switch {
		case err == nil:
			return conn, nil
		case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOENT):
			// Nobody has the listening socket any more.
			return nil, c.gone()
		case !errors.Is(err, unix.EAGAIN):
			return nil, fmt.Errorf("dial container %s: %w", c.name, err)
		}
		// The queue is full, which the kernel says at once.
		if err := tick(ctx, dialRetry); err != nil {
			return nil, fmt.Errorf("dial container %s: too many connections wait: %w", c.name, err)
		}
	}
}

// Listen is that of container.Doorway.
func (c *sandbox) Listen(port int) (net.Listener, error) {
	socket, err := c.shell.launcher.callForFile(wire.Message{Listen: &wire.Listen{Box: c.shell.id, Port: port}})
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", c.name, err)
	}
	defer socket.Close() // the listener has a copy
	return net.FileListener(socket)
}

// Show is that of container.Shower. Only root's sandbox can do it.
func (c *sandbox) Show(ctx context.Context, folder string) (string, error) {
	order := wire.Show{Box: c.shell.id, Folder: folder, Target: container.CodeFolder, TmpSize: c.tmp}
	if _, err := c.shell.launcher.call(ctx, wire.Message{Show: &order}); err != nil {
		return "", fmt.Errorf("container %s: %w", c.name, err)
	}
	return container.CodeFolder, nil
}

func (c *sandbox) gone() error { return fmt.Errorf("container %s: %w", c.name, container.ErrGone) }

// Pause stops every process of the container.
func (c *sandbox) Pause(ctx context.Context) error { return c.change(ctx, "pause", c.freezer.freeze) }

// Resume continues a paused container. One that was killed meanwhile is gone, so
// that nobody begins anything in it.
func (c *sandbox) Resume(ctx context.Context) error {
	killed := isKilled(c.shell.box.Pid)
	if err := c.change(ctx, "resume", c.freezer.thaw); err != nil || !killed {
		return err
	}
	select {
	case <-c.shell.done:
		return c.gone()
	case <-ctx.Done():
		return fmt.Errorf("resume container %s: it was killed: %w", c.name, ctx.Err())
	}
}

func (c *sandbox) change(ctx context.Context, what string, to func(context.Context) error) error {
	if c.shell.isDone() {
		return c.gone()
	}
	err := to(ctx)
	if err != nil && c.shell.isDone() {
		return c.gone()
	}
	if err != nil {
		return fmt.Errorf("%s container %s: %w", what, c.name, err)
	}
	return nil
}

// Remove kills what runs and gives everything back. The removal goes on when
// ctx ends before it is over.
func (c *sandbox) Remove(ctx context.Context) error {
	c.removing.Do(func() {
		go func() {
			c.err = c.shell.remove()
			c.factory.forget(c.name)
			close(c.removed)
		}()
	})
	select {
	case <-c.removed:
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("remove container %s: %w", c.name, ctx.Err())
	}
}
