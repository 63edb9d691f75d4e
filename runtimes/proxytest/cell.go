package proxytest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/container"
	"quirl/proxy"
)

const sentinel = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"

// A cell is a container with its runtime, and what it has printed.
type cell struct {
	testing.TB
	ctx            context.Context
	container      container.Container
	client         *proxy.Client
	stdout, stderr *stream
	apart          bool // it does not see the host's files
}

// start starts a container that is removed after the case.
func (b *bench) start(t testing.TB, env ...string) *cell {
	t.Helper()
	spec, err := b.spec(env...)
	if err != nil {
		t.Fatal(err)
	}
	c := &cell{TB: t, ctx: patient(t), apart: spec.Image != ""}
	if c.container, err = b.factory.Create(c.ctx, spec); err != nil {
		t.Fatal(err)
	}
	c.client = proxy.New(c.container.Dial, proxy.Options{KeepAlive: 4, RequireLength: true})
	stdout, stderr := c.container.Output()
	c.stdout, c.stderr = follow(stdout), follow(stderr)
	t.Cleanup(func() {
		c.client.Close()
		c.remove()
		if t.Failed() {
			t.Logf("standard output:\n%s\nstandard error:\n%s", c.stdout, c.stderr)
		}
	})
	return c
}

// remove ends the container; afterwards all of its output is there.
func (c *cell) remove() {
	c.Helper()
	if err := c.container.Remove(context.WithoutCancel(c.ctx)); err != nil {
		c.Error(err)
	}
	<-c.stdout.ended
	<-c.stderr.ended
}

// A reply is an answer of the runtime.
type reply struct {
	status int
	body   string
}

// closed is the reply of a runtime that closed the connection.
var closed = reply{body: "connection closed"}

func (c *cell) reply(out proxy.Outcome, err error) reply {
	c.Helper()
	if err != nil {
		c.Logf("no answer: %v", err)
		return closed
	}
	return reply{out.Status, string(out.Body)}
}

// initRequest is an /init that is complete but for the code.
func initRequest(code string) proxy.InitRequest {
	return proxy.InitRequest{Name: "test", Main: "main", Code: code}
}

func (c *cell) init(code string) reply {
	c.Helper()
	return c.initWith(initRequest(code))
}

func (c *cell) initWith(r proxy.InitRequest) reply {
	c.Helper()
	return c.reply(c.client.Init(c.ctx, r))
}

// mustInit loads code that is right.
func (c *cell) mustInit(code string) {
	c.Helper()
	c.mustInitWith(initRequest(code))
}

func (c *cell) mustInitWith(r proxy.InitRequest) {
	c.Helper()
	if got := c.initWith(r); got.status != http.StatusOK {
		c.Fatalf("init: got %+v, want status 200", got)
	}
}

func (c *cell) run(value string) reply {
	c.Helper()
	return c.reply(c.client.Run(c.ctx, runRequest(value)))
}

func runRequest(value string) proxy.RunRequest {
	return proxy.RunRequest{
		Value: json.RawMessage(value), Namespace: "xxx", ActionName: "/xxx/action", ActionVersion: "0.0.1",
		ActivationID: "0123456789abcdef0123456789abcdef", TransactionID: "tid", Deadline: time.UnixMilli(1700000061000), APIKey: "u:k",
	}
}

// wantJSON checks a reply's status and its body as JSON.
func (c *cell) wantJSON(got reply, status int, body string) {
	c.Helper()
	var gotValue, wantValue any
	if err := json.Unmarshal([]byte(body), &wantValue); err != nil {
		c.Fatal(err)
	}
	if err := json.Unmarshal([]byte(got.body), &gotValue); err != nil || got.status != status {
		c.Fatalf("got %+.300v (%v), want status %d and %.300s", got, err, status, body)
	}
	if diff := cmp.Diff(wantValue, gotValue); diff != "" {
		c.Error(diff)
	}
}

// wantError checks that a reply has the status and an error with all of the texts.
func (c *cell) wantError(got reply, status int, texts ...string) {
	c.Helper()
	var body struct{ Error string }
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != status {
		c.Fatalf("got %+.300v (%v), want status %d with an error", got, err, status)
	}
	for _, text := range texts {
		if !strings.Contains(body.Error, text) {
			c.Errorf("error %q lacks %q", body.Error, text)
		}
	}
}

// logs returns what was printed up to the nth sentinel of each stream, without
// the sentinels.
func (c *cell) logs(n int) (stdout, stderr string) {
	c.Helper()
	return c.stdout.upTo(c, n), c.stderr.upTo(c, n)
}

// wantLogs compares logs.
func (c *cell) wantLogs(n int, stdout, stderr string) {
	c.Helper()
	gotOut, gotErr := c.logs(n)
	if diff := cmp.Diff([]string{stdout, stderr}, []string{gotOut, gotErr}); diff != "" {
		c.Error(diff)
	}
}

// wantSentinels ends the container and counts the sentinels of all its life.
func (c *cell) wantSentinels(n int) {
	c.Helper()
	c.remove()
	for name, s := range map[string]*stream{"stdout": c.stdout, "stderr": c.stderr} {
		if got := strings.Count(s.String(), sentinel); got != n {
			c.Errorf("%s: got %d sentinels, want %d:\n%s", name, got, n, s)
		}
	}
}

// wantInLog waits until a stream holds the text.
func (c *cell) wantInLog(s *stream, text string) {
	c.Helper()
	if !s.wait(c.ctx, func() bool { return strings.Contains(string(s.text), text) }) {
		c.Errorf("log lacks %q:\n%s", text, s)
	}
}

// raw sends text on a connection of its own and returns the answers, of which
// there are n, with their bodies.
func (c *cell) raw(n int, pieces ...string) []reply {
	c.Helper()
	conn, in := c.connect()
	go writeAll(conn, pieces)
	var all []reply
	for range n {
		all = append(all, c.next(in))
	}
	return all
}

// connect makes a connection that ends with the case.
func (c *cell) connect() (net.Conn, *bufio.Reader) {
	c.Helper()
	conn, err := c.container.Dial(c.ctx)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { conn.Close() })
	deadline, _ := c.ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		c.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// next reads an answer.
func (c *cell) next(in *bufio.Reader) reply {
	c.Helper()
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		c.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.Fatal(err)
	}
	return reply{response.StatusCode, string(body)}
}

func writeAll(conn net.Conn, pieces []string) {
	for _, piece := range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			return // the reader will notice
		}
	}
}

func post(path, body string, fields ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", path, strings.Join(fields, ""), len(body), body)
}

// A stream is what came out of one of the container's streams so far. Only the
// beginning and the end of very long ones are kept.
type stream struct {
	ended chan struct{}

	mu      sync.Mutex
	text    []byte
	dropped int
	changed chan struct{} // closed and replaced at each change
}

// keep is how much of a stream stays as it is, in bytes; most is when it is cut.
const (
	keep = 1 << 20
	most = 8 << 20
)

func follow(r io.Reader) *stream {
	s := &stream{ended: make(chan struct{}), changed: make(chan struct{})}
	go func() {
		defer close(s.ended)
		for buf := make([]byte, 64<<10); ; {
			n, err := r.Read(buf)
			s.add(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *stream) add(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, text...)
	if len(s.text) > most {
		s.dropped += len(s.text) - 2*keep
		s.text = append(s.text[:keep], s.text[len(s.text)-keep:]...)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait returns when the condition, which is called with s locked, is true, or
// false when it cannot become so.
func (s *stream) wait(ctx context.Context, condition func() bool) bool {
	for {
		s.mu.Lock()
		ok, changed := condition(), s.changed
		s.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-s.ended:
			s.mu.Lock()
			defer s.mu.Unlock()
			return condition()
		case <-ctx.Done():
			return false
		}
	}
}

func (s *stream) upTo(c *cell, n int) string {
	c.Helper()
	count := func() int { return bytes.Count(s.text, []byte(sentinel)) }
	if !s.wait(c.ctx, func() bool { return count() >= n }) {
		c.Fatalf("sentinel %d never came:\n%s", n, s)
	}
	text := s.String()
	if got := strings.Count(text, sentinel); got != n {
		c.Errorf("got %d sentinels, want %d:\n%s", got, n, text)
	}
	return strings.ReplaceAll(text, sentinel, "")
}

// length is the number of bytes that came.
func (s *stream) length() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.text) + s.dropped
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}
