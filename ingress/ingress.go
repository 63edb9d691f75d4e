// Package ingress is where requests come in: the listener, body limits, a fence
// around panics, and draining.
//
// It promises that a stop refuses new connections first and lets requests in
// flight finish, and that no request can exhaust the process's memory by its size.
package ingress

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxBody is the largest body that is read at all, in bytes.
	MaxBody = 50 << 20
	// maxHeader bounds the request line and each header, in bytes.
	maxHeader = 8 << 10
	// drainTime is how long requests in flight may take after a stop began.
	drainTime = 75 * time.Second
)

// An Ingress serves a handler on a listener. Make one with New.
type Ingress struct {
	listener net.Listener
	server   *http.Server
	log      *slog.Logger
}

// New returns an Ingress that serves h on l.
func New(l net.Listener, h http.Handler, log *slog.Logger) *Ingress {
	stopping := make(chan struct{})
	i := &Ingress{
		listener: l,
		log:      log,
		server: &http.Server{
			Handler:           fence(limits(endStreams(h, stopping)), log),
			ReadHeaderTimeout: 30 * time.Second,
			ReadTimeout:       65 * time.Second,
			IdleTimeout:       120 * time.Second,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
	i.server.RegisterOnShutdown(func() { close(stopping) })
	return i
}

// endStreams ends event streams when a stop begins: they have no end of their own.
func endStreams(h http.Handler, stopping <-chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			h.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-stopping:
				cancel()
			case <-ctx.Done():
			}
		}()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// ServeInside serves a listener inside of a container, until it is closed or the
// ingress stops. Who comes through it is never taken for somebody on this machine.
func (i *Ingress) ServeInside(l net.Listener) {
	err := i.server.Serve(insideListener{l})
	if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		i.log.Warn("the API is not served inside of a container any more", "error", err)
	}
}

// An insideListener's connections come from Inside.
type insideListener struct{ net.Listener }

// Accept is that of net.Listener.
func (l insideListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return insideConn{c}, nil
}

type insideConn struct{ net.Conn }

// RemoteAddr is the address of no machine.
func (insideConn) RemoteAddr() net.Addr { return inside{} }

type inside struct{}

// Network is that of net.Addr.
func (inside) Network() string { return "inside" }

// String is that of net.Addr.
func (inside) String() string { return "container" }

// Run serves until ctx ends, and then until the requests in flight are answered.
func (i *Ingress) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- i.server.Serve(i.listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := i.server.Shutdown(drain)
	if serve := <-served; !errors.Is(serve, http.ErrServerClosed) {
		err = errors.Join(err, serve)
	}
	return err
}

// limits refuses what is too large before anything is read of it.
func limits(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case len(r.RequestURI) > maxHeader:
			plain(w, http.StatusRequestURITooLong, "URI length exceeds the configured limit of "+strconv.Itoa(maxHeader)+" characters")
		case r.ContentLength > MaxBody:
			plain(w, http.StatusBadRequest, "Request too large")
		case longHeader(r.Header):
			plain(w, http.StatusRequestHeaderFieldsTooLarge, "HTTP header value exceeds the configured limit of "+strconv.Itoa(maxHeader)+" characters")
		default:
			// A copy, for the server looks at the body of its own request: an answer
			// to a large one that was not read goes out at once, not behind the body.
			limited := *r
			limited.Body = http.MaxBytesReader(w, r.Body, MaxBody)
			h.ServeHTTP(w, &limited)
		}
	})
}

func longHeader(h http.Header) bool {
	for _, values := range h {
		for _, v := range values {
			if len(v) > maxHeader {
				return true
			}
		}
	}
	return false
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(status)
	w.Write([]byte(text)) // the client's loss when it is gone
}

// fence turns a panic of a handler into an error of this one request.
func fence(h http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			log.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "panic", p)
			plain(w, http.StatusInternalServerError, "There was an internal server error.")
		}()
		h.ServeHTTP(w, r)
	})
}
