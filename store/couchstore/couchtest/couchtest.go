// Package couchtest starts servers of CouchDB's API for tests, by tools/real/couchdb.
//
// A server is apart from any other of the machine, and ends with the test program. Where
// there can be none, tests skip with the reason; under CI=true they fail instead.
package couchtest

import (
	"testing"

	"quirl/internal/realtest"
)

var shared = realtest.One[*realtest.Server]{Name: "a server of CouchDB's API", New: New}

// Start returns the server, whose URL has the scheme couchdb, of this test program, which is started when it is wanted for
// the first time. realtest.Main stops it.
func Start(t testing.TB) *realtest.Server {
	t.Helper()
	return shared.Start(t)
}

// New starts one. Remove ends it.
func New() (*realtest.Server, error) { return realtest.NewServer("couchdb") }
