// Package pgtest starts PostgreSQL servers for tests, by tools/real/postgres.
//
// A server is apart from any other of the machine, and ends with the test program. Where
// there can be none, tests skip with the reason; under CI=true they fail instead.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"quirl/internal/realtest"
)

// A Server is a PostgreSQL server.
type Server struct {
	// URL is that of its database postgres.
	URL string

	dir  string
	port int
}

var shared = realtest.One[*Server]{Name: "a PostgreSQL server", New: New}

// databases counts those that were made.
var databases atomic.Int64

// Start returns the server of this test program, which is started when it is wanted for
// the first time. Main stops it.
func Start(t testing.TB) *Server {
	t.Helper()
	return shared.Start(t)
}

// Main is what TestMain of a package that uses Start is to do.
func Main(m *testing.M) { shared.Main(m) }

// Require skips a test, or under CI=true fails it, when err says that there is no server.
func Require(t testing.TB, err error) {
	t.Helper()
	realtest.Require(t, err)
}

// New starts a server in a folder of its own. Remove ends it.
func New() (*Server, error) {
	dir, err := os.MkdirTemp("", "quirl-postgres-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the server's user is another one
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it tells a free port, and is closed at once
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, port: l.Addr().(*net.TCPAddr).Port}
	if err := errors.Join(l.Close(), s.Start()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// Start starts the server again after Stop or Kill.
func (s *Server) Start() error {
	out, err := s.script("start", s.dir, strconv.Itoa(s.port), strconv.Itoa(os.Getpid()))
	s.URL = strings.TrimSpace(out)
	return err
}

// Stop ends the server in its own way: connections are closed.
func (s *Server) Stop() error {
	_, err := s.script("stop", s.dir)
	return err
}

// Kill ends the server by force.
func (s *Server) Kill() error {
	_, err := s.script("kill", s.dir)
	return err
}

// Remove ends the server and removes its data.
func (s *Server) Remove() error {
	return errors.Join(s.Stop(), os.RemoveAll(s.dir))
}

// Database makes an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	conn, err := pgx.Connect(ctx, s.URL)
	if err == nil {
		_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
		err = errors.Join(err, conn.Close(ctx))
	}
	if err != nil {
		t.Fatalf("make a database: %v", err)
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func (s *Server) script(args ...string) (string, error) { return realtest.Script("postgres", args...) }
