package realtest

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// A Server is one that a script of tools/real starts in a folder of its own, on a port of its own.
// Make one with NewServer.
type Server struct {
	// URL is what the script printed.
	URL string

	program, dir string
	port         int
}

// NewServer starts a server by a script that knows start DIR PORT PID, stop DIR and kill DIR.
// Remove ends it.
func NewServer(program string) (*Server, error) {
	dir, err := os.MkdirTemp("", "quirl-"+program+"-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the server's user may be another one
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it tells a free port, and is closed at once
	if err != nil {
		return nil, err
	}
	s := &Server{program: program, dir: dir, port: l.Addr().(*net.TCPAddr).Port}
	if err := errors.Join(l.Close(), s.Start()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// Dir is the folder that the server was started in, Port what it listens on.
func (s *Server) Dir() string { return s.dir }

// Port is described at Dir.
func (s *Server) Port() int { return s.port }

// prefixes counts those that were given away.
var prefixes atomic.Int64

// Prefix returns the server's URL with a path that nothing on it begins with yet.
func (s *Server) Prefix(t testing.TB) *url.URL {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = fmt.Sprintf("/test%d_%d_", os.Getpid(), prefixes.Add(1))
	return u
}

// Start starts the server again after Stop or Kill.
func (s *Server) Start() error {
	out, err := Script(s.program, "start", s.dir, strconv.Itoa(s.port), strconv.Itoa(os.Getpid()))
	s.URL = strings.TrimSpace(out)
	return err
}

// Stop ends the server in its own way: connections are closed.
func (s *Server) Stop() error {
	_, err := Script(s.program, "stop", s.dir)
	return err
}

// Kill ends the server by force.
func (s *Server) Kill() error {
	_, err := Script(s.program, "kill", s.dir)
	return err
}

// Remove ends the server and removes its data.
func (s *Server) Remove() error {
	return errors.Join(s.Stop(), os.RemoveAll(s.dir))
}
