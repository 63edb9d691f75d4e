package containertest

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"quirl/container"
)

func testDialEarly(t *testing.T, b *bench) {
	c := b.serve(t, 0.3, false)
	if _, err := dialAndAsk(b.ctx, c); err != nil {
		t.Fatalf("first call while booting: %v", err)
	}
	conn, err := c.Dial(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 3 {
		if _, err := ask(b.ctx, conn); err != nil {
			t.Fatalf("call on a kept connection: %v", err)
		}
	}
}

func testDialMany(t *testing.T, b *bench) {
	const n = 64
	c := b.serve(t, 0.2, false)
	results := make(chan error)
	for range n {
		go func() {
			_, err := dialAndAsk(b.ctx, c)
			results <- err
		}()
	}
	for range n {
		if err := <-results; err != nil {
			t.Errorf("one of %d calls: %v", n, err)
		}
	}
}

func testDialGone(t *testing.T, b *bench) {
	ended := b.create(t, b.sh("exit 1"))
	<-ended.Done()
	if _, err := dialAndAsk(b.ctx, ended); !errors.Is(err, container.ErrGone) {
		t.Errorf("dial after the end: %v, want ErrGone", err)
	}
	removed := b.serve(t, 0, false)
	b.remove(t, removed)
	if _, err := dialAndAsk(b.ctx, removed); !errors.Is(err, container.ErrGone) {
		t.Errorf("dial after remove: %v, want ErrGone", err)
	}
}

func testConnectionsBreak(t *testing.T, b *bench) {
	for name, c := range map[string]container.Container{
		"never accepted": b.serve(t, 1000, false),
		"accepted":       b.serve(t, 0, false),
	} {
		conn, err := b.dialSoon(c)
		if err != nil && name == "accepted" {
			t.Fatal(err)
		}
		if err != nil {
			// Factories without a passed socket wait in Dial instead.
			continue
		}
		defer conn.Close()
		if name == "accepted" {
			if _, err := ask(b.ctx, conn); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		broken := make(chan error, 1)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			broken <- err
		}()
		b.remove(t, c)
		select {
		case err := <-broken:
			if err == nil {
				t.Errorf("%s: read something from a removed container", name)
			}
		case <-b.ctx.Done():
			t.Errorf("%s: the connection outlives its container", name)
		}
	}
}

// dialSoon dials a container that may never accept.
func (b *bench) dialSoon(c container.Container) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	return c.Dial(ctx)
}

func testPause(t *testing.T, b *bench) {
	c := b.serve(t, 0, true)
	if _, err := dialAndAsk(b.ctx, c); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		conn, err := c.Dial(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		before, err := ask(b.ctx, conn)
		if err != nil {
			t.Fatal(err)
		}
		const rest = 400 * time.Millisecond
		if err := c.Pause(b.ctx); err != nil {
			t.Fatalf("pause: %v", err)
		}
		// The subject is what happens in a length of time, so the clock it is.
		<-time.After(rest)
		if err := c.Resume(b.ctx); err != nil {
			t.Fatalf("resume: %v", err)
		}
		after, err := ask(b.ctx, conn)
		if err != nil {
			t.Fatalf("call after resume: %v", err)
		}
		if used := time.Duration(after-before) * time.Millisecond; used > rest*3/4 {
			t.Errorf("used %v of CPU time while paused for %v", used, rest)
		}
	}
	// Still burning, so the measurement above could have failed.
	first, err := dialAndAsk(b.ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	b.within(t, "uses CPU time again", func() bool {
		now, err := dialAndAsk(b.ctx, c)
		return err == nil && now > first+100
	})
}

// testPauseAtOnce pauses while the program is being started, a moment in which
// a cgroup v1 freezer may hang.
func testPauseAtOnce(t *testing.T, b *bench) {
	for range 20 {
		c := b.create(t, b.sh("exec sleep 1000"))
		for range 2 {
			if err := c.Pause(b.ctx); err != nil {
				t.Fatalf("pause: %v", err)
			}
			if err := c.Resume(b.ctx); err != nil {
				t.Fatalf("resume: %v", err)
			}
		}
		b.remove(t, c)
	}
}

func testRemovePaused(t *testing.T, b *bench) {
	c := b.serve(t, 0, true)
	if _, err := dialAndAsk(b.ctx, c); err != nil {
		t.Fatal(err)
	}
	if err := c.Pause(b.ctx); err != nil {
		t.Fatal(err)
	}
	b.remove(t, c)
	<-c.Done()
	if err := c.Pause(b.ctx); !errors.Is(err, container.ErrGone) {
		t.Errorf("pause after remove: %v, want ErrGone", err)
	}
	if err := c.Resume(b.ctx); !errors.Is(err, container.ErrGone) {
		t.Errorf("resume after remove: %v, want ErrGone", err)
	}
}

func testPrepare(t *testing.T, b *bench) {
	p, ok := b.Factory.(container.Preparer)
	if !ok {
		t.Skip("this factory keeps no shells")
	}
	spec := b.serverSpec(0, false)
	p.Prepare(spec, 2)
	for i := range 6 {
		next := b.serverSpec(0, false)
		next.Memory = enough + int64(i)<<20
		next.CPUShares = 64 * (i + 1)
		c := b.create(t, next)
		if c.ID() == "" {
			t.Error("a container without id")
		}
		if _, err := dialAndAsk(b.ctx, c); err != nil {
			t.Fatalf("container %d of a prepared kind: %v", i, err)
		}
	}
	p.Prepare(spec, 0)
	if _, err := dialAndAsk(b.ctx, b.serve(t, 0, false)); err != nil {
		t.Fatalf("container of a kind no longer prepared: %v", err)
	}
}

func testPrepareMissing(t *testing.T, b *bench) {
	p, ok := b.Factory.(container.Preparer)
	if !ok {
		t.Skip("this factory keeps no shells")
	}
	spec := b.spec("/usr/bin/no-such-program")
	p.Prepare(spec, 2)
	if _, err := b.Create(b.ctx, spec); !errors.Is(err, container.ErrNoCommand) {
		t.Errorf("create: %v, want ErrNoCommand", err)
	}
	b.finish(t, b.sh("true"))
}

func testCleanup(t *testing.T, b *bench) {
	// The bench has called Cleanup once; before the first Create it may be
	// called again, and what is made after it stays.
	if err := b.Cleanup(b.ctx); err != nil {
		t.Fatal(err)
	}
	c := b.serve(t, 0, false)
	if _, err := dialAndAsk(b.ctx, c); err != nil {
		t.Fatal(err)
	}
}

func testClose(t *testing.T, b *bench) {
	var all []container.Container
	for range 3 {
		all = append(all, b.serve(t, 0, true))
	}
	if err := all[0].Pause(b.ctx); err != nil {
		t.Fatal(err)
	}
	if p, ok := b.Factory.(container.Preparer); ok {
		p.Prepare(b.sh("true"), 2)
	}
	stdout, _ := all[1].Output()
	if err := b.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	for _, c := range all {
		select {
		case <-c.Done():
		case <-b.ctx.Done():
			t.Fatalf("container %s outlives its factory", c.ID())
		}
		b.remove(t, c)
	}
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		t.Errorf("output after close: %v", err)
	}
	if _, err := b.Create(b.ctx, b.sh("true")); !errors.Is(err, container.ErrClosed) {
		t.Errorf("create after close: %v, want ErrClosed", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}

func testCloseBusy(t *testing.T, b *bench) {
	const n = 6
	results := make(chan error, n)
	for range n {
		spec := b.sh("exec sleep 1000")
		go func() {
			for {
				c, err := b.Create(b.ctx, spec)
				if err != nil {
					results <- err
					return
				}
				if err := c.Remove(context.WithoutCancel(b.ctx)); err != nil {
					results <- err
					return
				}
			}
		}()
	}
	<-b.create(t, b.sh("true")).Done() // they are at it
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	for range n {
		if err := <-results; !errors.Is(err, container.ErrClosed) {
			t.Errorf("create while closing: %v, want ErrClosed", err)
		}
	}
}
