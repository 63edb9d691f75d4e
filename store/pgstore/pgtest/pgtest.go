// Package pgtest starts PostgreSQL servers for tests, by tools/real/postgres.
//
// A server is apart from any other of the machine, and ends with the test program. Where
// there can be none, tests skip with the reason; under CI=true they fail instead.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"quirl/internal/realtest"
)

// A Server is a PostgreSQL server; its URL is that of its database postgres.
type Server struct{ *realtest.Server }

var shared = realtest.One[*Server]{Name: "a PostgreSQL server", New: New}

// databases counts those that were made.
var databases atomic.Int64

// Start returns the server of this test program, which is started when it is wanted for
// the first time. realtest.Main stops it.
func Start(t testing.TB) *Server {
	t.Helper()
	return shared.Start(t)
}

// New starts a server. Remove ends it.
func New() (*Server, error) {
	s, err := realtest.NewServer("postgres")
	return &Server{s}, err
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
