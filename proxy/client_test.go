package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/proxy"
)

// A runtime is a server on a Unix socket that answers each request with serve, on
// the bare connection; serve says whether the connection stays.
type runtime struct {
	path  string
	dials atomic.Int32
}

func serve(t *testing.T, serve func(c net.Conn, r *http.Request, body []byte) bool) *runtime {
	t.Helper()
	rt := &runtime{path: filepath.Join(t.TempDir(), "s")}
	l, err := net.Listen("unix", rt.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveConn(c, serve)
		}
	}()
	return rt
}

func serveConn(c net.Conn, serve func(c net.Conn, r *http.Request, body []byte) bool) {
	defer c.Close()
	for in := bufio.NewReader(c); ; {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !serve(c, r, body) {
			return
		}
	}
}

func (rt *runtime) dial(ctx context.Context) (net.Conn, error) {
	rt.dials.Add(1)
	var d net.Dialer
	return d.DialContext(ctx, "unix", rt.path)
}

func (rt *runtime) client(t *testing.T, options proxy.Options) *proxy.Client {
	t.Helper()
	c := proxy.New(rt.dial, options)
	t.Cleanup(func() { c.Close() })
	return c
}

// raw answers every request with text.
func raw(text string) func(net.Conn, *http.Request, []byte) bool {
	return func(c net.Conn, _ *http.Request, _ []byte) bool {
		_, err := io.WriteString(c, text)
		return err == nil
	}
}

func TestMessages(t *testing.T) {
	type sent struct {
		Path, Type, Accept string
		Body               any
	}
	got := make(chan sent, 1)
	rt := serve(t, func(c net.Conn, r *http.Request, body []byte) bool {
		s := sent{Path: r.Method + " " + r.URL.Path, Type: r.Header.Get("Content-Type"), Accept: r.Header.Get("Accept")}
		if len(body) > 0 {
			if err := json.Unmarshal(body, &s.Body); err != nil {
				s.Body = fmt.Sprintf("%v: %q", err, body)
			}
		}
		got <- s
		return raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")(c, r, nil)
	})
	odd := "a\"b\\c\n\r\t\x00\x1f❄\xffé😀\u2028"
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name string
		call func(*proxy.Client) (proxy.Outcome, error)
		want sent
	}{
		{
			"init",
			func(c *proxy.Client) (proxy.Outcome, error) {
				return c.Init(t.Context(), proxy.InitRequest{
					Name: "n", Main: "main", Code: odd, Binary: true, Env: map[string]string{"A": "1", "B\n": odd},
				})
			},
			sent{"POST /init", "application/json", "application/json", map[string]any{"value": map[string]any{
				"name": "n", "main": "main", "binary": true, "code": strings.ToValidUTF8(odd, "\ufffd"),
				"env": map[string]any{"A": "1", "B\n": strings.ToValidUTF8(odd, "\ufffd")},
			}}},
		},
		{
			"init without code",
			func(c *proxy.Client) (proxy.Outcome, error) { return c.Init(t.Context(), proxy.InitRequest{Name: "n"}) },
			sent{"POST /init", "application/json", "application/json", map[string]any{"value": map[string]any{
				"name": "n", "main": "", "binary": false, "env": map[string]any{},
			}}},
		},
		{
			"run",
			func(c *proxy.Client) (proxy.Outcome, error) {
				return c.Run(t.Context(), proxy.RunRequest{
					Value: json.RawMessage(`{"a":[1]}`), Namespace: "guest", ActionName: "/guest/hello", ActionVersion: "0.0.1",
					ActivationID: "abc", TransactionID: "tid", Deadline: time.UnixMilli(1700000061000), APIKey: "u:k",
				})
			},
			sent{"POST /run", "application/json", "application/json", map[string]any{
				"value": map[string]any{"a": []any{1.0}}, "namespace": "guest", "action_name": "/guest/hello",
				"action_version": "0.0.1", "activation_id": "abc", "transaction_id": "tid", "deadline": "1700000061000", "api_key": "u:k",
			}},
		},
		{
			"run with long arguments, without key",
			func(c *proxy.Client) (proxy.Outcome, error) {
				return c.Run(t.Context(), proxy.RunRequest{Value: json.RawMessage(`["` + long + `"]`), Deadline: time.UnixMilli(0)})
			},
			sent{"POST /run", "application/json", "application/json", map[string]any{
				"value": []any{long}, "namespace": "", "action_name": "", "action_version": "", "activation_id": "",
				"transaction_id": "", "deadline": "0",
			}},
		},
		{
			"warm",
			func(c *proxy.Client) (proxy.Outcome, error) { return c.Warm(t.Context()) },
			sent{Path: "POST /warm", Type: "application/json", Accept: "application/json"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := tt.call(rt.client(t, proxy.Options{KeepAlive: 1}))
			if err != nil || out.Status != 200 || string(out.Body) != "{}" {
				t.Fatalf("got %+v, %v", out, err)
			}
			if diff := cmp.Diff(tt.want, <-got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReplies(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		options    proxy.Options
		limit      proxy.Limit
		want       proxy.Outcome
		err        error
	}{
		{name: "plain", text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", want: proxy.Outcome{Status: 200, Body: []byte("{}"), Length: 2}},
		{name: "no reason, bare line ends", text: "HTTP/1.1 502\ncontent-length:1\n\nx", want: proxy.Outcome{Status: 502, Body: []byte("x"), Length: 1}},
		{name: "after 100", text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", want: proxy.Outcome{Status: 200, Body: []byte{}}},
		{name: "204", text: "HTTP/1.1 204 No Content\r\n\r\n", want: proxy.Outcome{Status: 204}},
		{name: "chunked", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n", want: proxy.Outcome{Status: 200, Body: []byte("abcde"), Length: 5}},
		{name: "until the end", text: "HTTP/1.0 200 OK\r\n\r\nabc", want: proxy.Outcome{Status: 200, Body: []byte("abc"), Length: 3}},
		{
			name: "length over the limit", text: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", limit: proxy.Limit{Response: 9, Truncation: 4},
			want: proxy.Outcome{Status: 200, Body: []byte("0123"), Length: 10, Truncated: true},
		},
		{
			name: "length over the limit, the rest never comes", text: "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n0123", limit: proxy.Limit{Response: 9, Truncation: 4},
			want: proxy.Outcome{Status: 200, Body: []byte("0123"), Length: 1000000000000, Truncated: true},
		},
		{
			name: "chunks over the limit", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n8\r\n89abcdef\r\n0\r\n\r\n", limit: proxy.Limit{Response: 9, Truncation: 4},
			want: proxy.Outcome{Status: 200, Body: []byte("0123"), Length: 16, Truncated: true},
		},
		{
			name: "just within the limit", text: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n012345678", limit: proxy.Limit{Response: 9, Truncation: 4},
			want: proxy.Outcome{Status: 200, Body: []byte("012345678"), Length: 9},
		},
		{name: "length required", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", options: proxy.Options{RequireLength: true}, err: proxy.ErrConnection},
		{name: "nothing", text: "", err: proxy.ErrConnection},
		{name: "no HTTP", text: "hello\r\n\r\n", err: proxy.ErrConnection},
		{name: "half a head", text: "HTTP/1.1 200 OK\r\nContent-", err: proxy.ErrConnection},
		{name: "half a body", text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", err: proxy.ErrConnection},
		{name: "half a chunk", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", err: proxy.ErrConnection},
		{name: "two lengths", text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", err: proxy.ErrConnection},
		{name: "negative length", text: "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nabc", err: proxy.ErrConnection},
		{name: "gzip", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", err: proxy.ErrConnection},
		{name: "endless head", text: "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 20_000), err: proxy.ErrConnection},
		{name: "endless line", text: "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", 20_000), err: proxy.ErrConnection},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rt := serve(t, func(c net.Conn, r *http.Request, _ []byte) bool {
				raw(tt.text)(c, r, nil)
				return false
			})
			got, err := rt.client(t, tt.options).Run(t.Context(), proxy.RunRequest{Limit: tt.limit})
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Fatalf("got error %v, want %v", err, tt.err)
			}
			if got.Duration <= 0 {
				t.Error("no duration")
			}
			got.Duration = 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConnectionsAreKept(t *testing.T) {
	for _, tt := range []struct {
		name, reply string
		keep        int
		want        int32
	}{
		{"kept", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 1, 1},
		{"one each", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, 5},
		{"runtime wants to close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", 1, 5},
		{"body over the limit", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789", 1, 5},
		{"more than one answer", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}x", 1, 5},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rt := serve(t, raw(tt.reply))
			c := rt.client(t, proxy.Options{KeepAlive: tt.keep})
			for range 5 {
				if _, err := c.Run(t.Context(), proxy.RunRequest{Limit: proxy.Limit{Response: 10}}); err != nil {
					t.Fatal(err)
				}
			}
			if got := rt.dials.Load(); got != tt.want {
				t.Errorf("got %d connections, want %d", got, tt.want)
			}
		})
	}
}

// A kept connection that the runtime has closed is replaced without the caller noticing.
func TestStaleConnection(t *testing.T) {
	closed := make(chan struct{}, 1)
	rt := serve(t, func(c net.Conn, r *http.Request, _ []byte) bool {
		raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")(c, r, nil)
		c.Close()
		closed <- struct{}{}
		return false
	})
	c := rt.client(t, proxy.Options{KeepAlive: 1})
	for range 3 {
		if out, err := c.Run(t.Context(), proxy.RunRequest{}); err != nil || out.Status != 200 {
			t.Fatalf("got %+v, %v", out, err)
		}
		<-closed
	}
}

func TestDialFails(t *testing.T) {
	gone := errors.New("gone")
	c := proxy.New(func(context.Context) (net.Conn, error) { return nil, gone }, proxy.Options{})
	_, err := c.Init(t.Context(), proxy.InitRequest{})
	if !errors.Is(err, proxy.ErrNotStarted) || !errors.Is(err, gone) || errors.Is(err, proxy.ErrTimeout) {
		t.Errorf("got %v, want ErrNotStarted and the cause", err)
	}
}

func TestTimeout(t *testing.T) {
	rt := serve(t, func(c net.Conn, _ *http.Request, _ []byte) bool {
		_, _ = io.Copy(io.Discard, c) // until the client gives up
		return false
	})
	c := rt.client(t, proxy.Options{KeepAlive: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	out, err := c.Run(ctx, proxy.RunRequest{})
	if !errors.Is(err, proxy.ErrTimeout) || errors.Is(err, proxy.ErrNotStarted) || out.Duration < 10*time.Millisecond {
		t.Errorf("got %+v, %v, want ErrTimeout after 20 ms", out, err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.Run(ctx, proxy.RunRequest{}); !errors.Is(err, proxy.ErrTimeout) {
		t.Errorf("cancelled: got %v, want ErrTimeout", err)
	}
	cancel()
	if _, err := c.Run(ctx, proxy.RunRequest{}); !errors.Is(err, proxy.ErrTimeout) || !errors.Is(err, proxy.ErrNotStarted) {
		t.Errorf("cancelled before: got %v, want ErrTimeout and ErrNotStarted", err)
	}
}

func TestCloseEndsCalls(t *testing.T) {
	arrived := make(chan struct{})
	rt := serve(t, func(c net.Conn, _ *http.Request, _ []byte) bool {
		close(arrived)
		_, _ = io.Copy(io.Discard, c)
		return false
	})
	c := rt.client(t, proxy.Options{})
	result := make(chan error)
	go func() {
		_, err := c.Run(t.Context(), proxy.RunRequest{})
		result <- err
	}()
	<-arrived
	c.Close()
	if err := <-result; !errors.Is(err, proxy.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if _, err := c.Run(t.Context(), proxy.RunRequest{}); !errors.Is(err, proxy.ErrClosed) {
		t.Errorf("afterwards: got %v, want ErrClosed", err)
	}
}

// A runtime may refuse a request without reading all of it.
func TestEarlyAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.ReadFull(c, make([]byte, 10))
		_, _ = io.WriteString(c, "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\n{}")
		c.Close()
	}()
	c := proxy.New(func(ctx context.Context) (net.Conn, error) { return net.Dial("unix", path) }, proxy.Options{})
	value := json.RawMessage(`"` + strings.Repeat("x", 32<<20) + `"`)
	out, err := c.Run(t.Context(), proxy.RunRequest{Value: value})
	if err != nil || out.Status != 413 {
		// The kernel may drop the answer with the unread request: then nobody can know.
		if !errors.Is(err, proxy.ErrConnection) || errors.Is(err, proxy.ErrNotStarted) {
			t.Errorf("got %+v, %v", out, err)
		}
	}
}

// A script is a connection on which everything is said already.
type script struct {
	net.Conn
	in io.Reader
}

func (s script) Read(b []byte) (int, error)       { return s.in.Read(b) }
func (s script) Write(b []byte) (int, error)      { return len(b), nil }
func (s script) Close() error                     { return nil }
func (s script) SetDeadline(time.Time) error      { return nil }
func (s script) SetReadDeadline(time.Time) error  { return nil }
func (s script) SetWriteDeadline(time.Time) error { return nil }

// FuzzReply compares our reading of a response with net/http's, where both accept it.
func FuzzReply(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), int64(0), int64(0))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), int64(2), int64(1))
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404\r\n\r\nx"), int64(100), int64(3))
	f.Fuzz(func(t *testing.T, text []byte, most, keep int64) {
		most, keep = max(0, most), max(0, keep)
		c := proxy.New(func(context.Context) (net.Conn, error) { return script{in: bytes.NewReader(text)}, nil }, proxy.Options{})
		out, err := c.Run(context.Background(), proxy.RunRequest{Limit: proxy.Limit{Response: most, Truncation: keep}})
		if err != nil {
			if !errors.Is(err, proxy.ErrConnection) {
				t.Errorf("error of no class: %v", err)
			}
			return
		}
		if out.Truncated && (int64(len(out.Body)) > keep || out.Length <= most) || !out.Truncated && int64(len(out.Body)) != out.Length {
			t.Errorf("limits not kept: %+v", out)
		}
		want, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if err != nil || want.StatusCode < 200 {
			return
		}
		body, err := io.ReadAll(want.Body)
		if err != nil || out.Truncated {
			return
		}
		if want.StatusCode != out.Status || !bytes.Equal(body, out.Body) && out.Body != nil {
			t.Errorf("got %d %q, net/http reads %d %q", out.Status, out.Body, want.StatusCode, body)
		}
	})
}
