// Package couchtest starts servers of CouchDB's API for tests, by tools/real/couchdb.
//
// A server is apart from any other of the machine, and ends with the test program. Where
// there can be none, tests skip with the reason; under CI=true they fail instead.
package couchtest

import (
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	"quirl/internal/realtest"
)

// A Server is a server of CouchDB's API; its URL has the scheme couchdb.
type Server struct{ *realtest.Server }

var shared = realtest.One[*Server]{Name: "a server of CouchDB's API", New: New}

// prefixes counts those that were given away.
var prefixes atomic.Int64

// Start returns the server of this test program, which is started when it is wanted for
// the first time. realtest.Main stops it.
func Start(t testing.TB) *Server {
	t.Helper()
	return shared.Start(t)
}

// New starts a server. Remove ends it.
func New() (*Server, error) {
	s, err := realtest.NewServer("couchdb")
	return &Server{s}, err
}

// Prefix returns the URL of a prefix that has no databases yet.
func (s *Server) Prefix(t testing.TB) *url.URL {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = fmt.Sprintf("/test%d_%d_", os.Getpid(), prefixes.Add(1))
	return u
}
