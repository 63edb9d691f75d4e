package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// A Client speaks to one runtime. Its methods may be called from many goroutines
// at once, as far as the runtime allows it.
type Client struct {
	dial    DialFunc
	options Options

	mu     sync.Mutex
	closed bool
	idle   []*conn
	inUse  map[*conn]struct{}
}

// New returns a Client for the runtime that dial reaches. It connects when it is first used.
func New(dial DialFunc, options Options) *Client {
	return &Client{dial: dial, options: options, inUse: map[*conn]struct{}{}}
}

// Init sends POST /init and waits for the answer until ctx ends. The error is
// ErrNotStarted, ErrConnection, ErrTimeout or ErrClosed, with its cause; any
// answer at all is an Outcome.
func (c *Client) Init(ctx context.Context, r InitRequest) (Outcome, error) {
	return c.call(ctx, r.Limit, func(m *message) { m.initMessage(&r) })
}

// Run sends POST /run; see Init.
func (c *Client) Run(ctx context.Context, r RunRequest) (Outcome, error) {
	return c.call(ctx, r.Limit, func(m *message) { m.runMessage(&r) })
}

// warmLimit is generous for what is read and thrown away.
var warmLimit = Limit{Response: 64 << 10, Truncation: 1 << 10}

// Warm sends POST /warm, which lets our own runtimes prepare for a later Init.
// Others answer 404, or whatever; an Outcome is all there is to know about it.
func (c *Client) Warm(ctx context.Context) (Outcome, error) {
	return c.call(ctx, warmLimit, (*message).warmMessage)
}

// ErrNotCompiled says that a runtime has no compiled code to give.
var ErrNotCompiled = errors.New("nothing was compiled")

// Compiled fetches what a runtime of ours compiled in its Init, as a zip file of at most
// most bytes. It is valid as code of another Init, which then needs no compiler. The
// error is ErrNotCompiled when there is nothing, or too much.
func (c *Client) Compiled(ctx context.Context, most int64) ([]byte, error) {
	out, err := c.call(ctx, Limit{Response: most}, (*message).compiledMessage)
	if err != nil {
		return nil, err
	}
	if out.Status != 200 || out.Truncated {
		return nil, ErrNotCompiled
	}
	return out.Body, nil
}

// Close ends all connections; calls under way return ErrClosed.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	conns := c.idle
	c.idle = nil
	for cn := range c.inUse {
		conns = append(conns, cn)
	}
	c.mu.Unlock()
	for _, cn := range conns {
		_ = cn.Close()
	}
	return nil
}

// call does one exchange. A kept connection may have been closed by the runtime
// meanwhile; then nothing was delivered, and a new one is tried.
func (c *Client) call(ctx context.Context, limit Limit, build func(*message)) (Outcome, error) {
	start := time.Now()
	out, kept, err := c.exchange(ctx, limit, build, c.takeIdle())
	if kept && errors.Is(err, ErrNotStarted) && ctx.Err() == nil {
		c.dropIdle() // they are of the same age
		out, _, err = c.exchange(ctx, limit, build, nil)
	}
	out.Duration = time.Since(start)
	return out, err
}

// exchange uses cn, or a new connection when it is nil; kept tells which.
func (c *Client) exchange(ctx context.Context, limit Limit, build func(*message), cn *conn) (out Outcome, kept bool, err error) {
	kept = cn != nil
	if !kept {
		if cn, err = c.connect(ctx); err != nil {
			return Outcome{}, false, err
		}
	}
	build(&cn.message)
	out, reusable, err := cn.exchange(ctx, limit, c.options.RequireLength)
	closed := c.giveBack(cn, reusable && err == nil)
	if err != nil && closed {
		err = fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return out, kept, err
}

func (c *Client) connect(ctx context.Context) (*conn, error) {
	if c.isClosed() {
		return nil, ErrClosed
	}
	nc, err := c.dial(ctx)
	if err != nil {
		return nil, notStarted(ctx, err)
	}
	cn := newConn(nc)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = cn.Close()
		return nil, ErrClosed
	}
	c.inUse[cn] = struct{}{}
	return cn, nil
}

// notStarted is for errors before the first byte was written. When time was up,
// both are true: ErrTimeout and ErrNotStarted.
func notStarted(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %w: %w", ErrTimeout, ErrNotStarted, err)
	}
	return fmt.Errorf("%w: %w", ErrNotStarted, err)
}

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// takeIdle returns the connection that was used last, or nil.
func (c *Client) takeIdle() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.idle) - 1
	if last < 0 {
		return nil
	}
	cn := c.idle[last]
	c.idle = c.idle[:last]
	c.inUse[cn] = struct{}{}
	return cn
}

func (c *Client) dropIdle() {
	c.mu.Lock()
	old := c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, cn := range old {
		_ = cn.Close()
	}
}

// giveBack keeps a connection or closes it, and says whether the Client is closed.
func (c *Client) giveBack(cn *conn, reusable bool) (closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inUse, cn)
	if reusable && !c.closed && len(c.idle) < c.options.KeepAlive {
		c.idle = append(c.idle, cn)
		return false
	}
	_ = cn.Close()
	return c.closed
}

// A conn is a connection with its buffers, which are used again with it.
type conn struct {
	net.Conn
	message message
	reader  *bufio.Reader
	pieces  net.Buffers
	space   [3][]byte // what pieces points into
}

const readBuffer = 4 << 10

func newConn(nc net.Conn) *conn {
	return &conn{Conn: nc, reader: bufio.NewReaderSize(nc, readBuffer)}
}

// exchange writes the message and reads the reply.
func (cn *conn) exchange(ctx context.Context, limit Limit, requireLength bool) (Outcome, bool, error) {
	stop := cn.watch(ctx)
	defer stop()
	n, err := cn.write()
	if err != nil && n == 0 {
		return Outcome{}, false, notStarted(ctx, err)
	}
	// When the rest could not be written the runtime may have answered all the
	// same: it is free to refuse a request that it has not read to the end.
	out, reusable, readErr := readReply(cn.reader, limit, requireLength)
	switch {
	case readErr == nil:
		return out, reusable && err == nil && cn.reader.Buffered() == 0, nil
	case ctx.Err() != nil || errors.Is(readErr, os.ErrDeadlineExceeded):
		return Outcome{}, false, fmt.Errorf("%w: %w", ErrTimeout, readErr)
	case err != nil:
		return Outcome{}, false, fmt.Errorf("%w: %w", ErrConnection, err)
	default:
		return Outcome{}, false, fmt.Errorf("%w: %w", ErrConnection, readErr)
	}
}

// watch makes ctx's end the end of reading and writing.
func (cn *conn) watch(ctx context.Context) (stop func()) {
	deadline, _ := ctx.Deadline()
	_ = cn.SetDeadline(deadline) // the zero time takes an older one away
	if ctx.Done() == nil {
		return func() {}
	}
	cancelled := make(chan struct{})
	unregister := context.AfterFunc(ctx, func() {
		_ = cn.SetDeadline(time.Unix(1, 0))
		close(cancelled)
	})
	return func() {
		if !unregister() {
			<-cancelled // lest it hits the connection's next user
		}
	}
}

// write sends the message, in one system call where the system can do that.
func (cn *conn) write() (int64, error) {
	m := &cn.message
	defer m.release()
	if m.value == nil {
		n, err := cn.Conn.Write(m.before)
		return int64(n), err
	}
	cn.space = [3][]byte{m.before, m.value, m.after}
	cn.pieces = cn.space[:]
	n, err := cn.pieces.WriteTo(cn.Conn)
	cn.space = [3][]byte{}
	return n, err
}
