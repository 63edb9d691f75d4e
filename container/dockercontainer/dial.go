package dockercontainer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	engine "github.com/moby/moby/api/types/container"

	"quirl/container"
)

const (
	// A runtime that boots is tried again after a sixteenth of the time that it
	// has taken, within these bounds.
	minDialRetry = time.Millisecond
	maxDialRetry = 50 * time.Millisecond
	// minProbeTime is how long the first probe of a published port may take; later
	// ones have as long as all before them took.
	minProbeTime = 25 * time.Millisecond
	// dialTime bounds one attempt: an address that leads nowhere does not refuse.
	dialTime = 2 * time.Second
)

// locate asks the engine where the container is, while its runtime boots.
func (b *box) locate() {
	for pause := firstRetry; !b.isDone(); pause = min(2*pause, lastRetry) {
		found, err := b.inspect()
		if err == nil {
			if at, pid := b.place(found); at != "" {
				b.at, b.pid = at, pid
				close(b.located)
				return
			}
		}
		if !b.rest(b.factory.ctx, pause) {
			return
		}
	}
}

// place is where the runtime can be reached; empty when there is no such place (yet).
func (b *box) place(found engine.InspectResponse) (at string, pid int) {
	if found.NetworkSettings == nil || found.State == nil {
		return "", 0
	}
	if b.factory.config.Publish {
		for _, binding := range found.NetworkSettings.Ports[port] {
			return net.JoinHostPort("127.0.0.1", binding.HostPort), found.State.Pid
		}
		return "", 0
	}
	for _, endpoint := range found.NetworkSettings.Networks {
		if endpoint.IPAddress.IsValid() {
			return net.JoinHostPort(endpoint.IPAddress.String(), strconv.Itoa(container.Port)), found.State.Pid
		}
	}
	return "", 0
}

// Dial connects to the runtime's port and waits while nobody listens there.
func (b *box) Dial(ctx context.Context) (net.Conn, error) {
	began := time.Now()
	for _, known := range []chan struct{}{b.located, b.limited} {
		select {
		case <-known:
		case <-b.done:
			return nil, b.gone()
		case <-ctx.Done():
			return nil, fmt.Errorf("dial container %s: %w", b.name, ctx.Err())
		}
	}
	for {
		if b.isDone() {
			return nil, b.gone()
		}
		c, err := b.connect(ctx, max(time.Since(began), minProbeTime))
		if err == nil {
			b.factory.shells.booted()
			return b.keep(c)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("dial container %s: %w; last: %w", b.name, ctx.Err(), err)
		}
		b.rest(ctx, min(max(time.Since(began)/16, minDialRetry), maxDialRetry))
	}
}

// rest waits, unless ctx or the container ends.
func (b *box) rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.done:
	case <-ctx.Done():
	}
	return false
}

func (b *box) connect(ctx context.Context, probeTime time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTime}
	if b.factory.config.Publish && !b.hasAnswered() {
		if err := b.probe(ctx, dialer, probeTime); err != nil {
			return nil, err
		}
	}
	return dialer.DialContext(ctx, "tcp", b.at)
}

func (b *box) hasAnswered() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.answered
}

// probe finds out whether a published port leads to a runtime: what publishes it
// accepts connections before there is one, and then breaks them, or tries for a second
// to reach what is not there yet. Any answer will do.
func (b *box) probe(ctx context.Context, dialer net.Dialer, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := dialer.DialContext(ctx, "tcp", b.at)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: runtime\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answered = true
	return nil
}
