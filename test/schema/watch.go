package schema

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"quirl/test/quirltest"
)

// Main runs a package's tests, with everything that http.DefaultClient sends held
// against the descriptions. What they do not allow fails the package. It is the
// body of a TestMain.
func Main(m *testing.M) {
	checker, err := Open(quirltest.Root())
	if err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
	w := &watcher{checker: checker, next: http.DefaultTransport}
	http.DefaultClient.Transport = w
	code := m.Run()
	for _, p := range w.problems {
		fmt.Fprintln(os.Stderr, "schema:", p)
	}
	if code == 0 && len(w.problems) > 0 {
		code = 1
	}
	os.Exit(code)
}

// A watcher is a transport that looks at what passes.
type watcher struct {
	checker *Checker
	next    http.RoundTripper

	mu       sync.Mutex
	problems []string
}

// RoundTrip is that of http.RoundTripper.
func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	var sent []byte
	if req.Body != nil && req.ContentLength >= 0 { // else it is endless, or as good as
		var err error
		if sent, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body = http.NoBody
		if len(sent) > 0 {
			req.Body = io.NopCloser(bytes.NewReader(sent))
		}
	}
	res, err := w.next.RoundTrip(req)
	if err != nil || strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res, err
	}
	answer, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(answer))
	if err != nil {
		return nil, err
	}
	w.check(Exchange{
		Method: req.Method, Path: req.URL.EscapedPath(), Query: req.URL.Query(), Request: sent, Status: res.StatusCode, Body: answer,
	})
	return res, nil
}

func (w *watcher) check(x Exchange) {
	problems := w.checker.Check(x)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range problems {
		w.problems = append(w.problems, fmt.Sprintf("%s\n%.300s", p, x.Body))
	}
}

// CloseIdleConnections is what http.Client asks of its transport.
func (w *watcher) CloseIdleConnections() {
	if next, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}
