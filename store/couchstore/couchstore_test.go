package couchstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-kivik/kivik/v4"

	"quirl/internal/realtest"
	"quirl/store"
	"quirl/store/couchstore"
	"quirl/store/couchstore/couchtest"
	"quirl/store/storetest"
)

// crashURL tells a child process of the tests where to write until it is killed.
const crashURL = "QUIRL_TEST_CRASH_URL"

func TestMain(m *testing.M) {
	if text := os.Getenv(crashURL); text != "" {
		u, err := url.Parse(text)
		if err == nil {
			var s store.Store
			if s, err = couchstore.Open(context.Background(), u); err == nil {
				err = storetest.Write(s, os.Stdout)
			}
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	realtest.Main(m)
}

func open(t *testing.T, u *url.URL) *couchstore.Store {
	t.Helper()
	s, err := couchstore.Open(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	server := couchtest.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, server.Prefix(t)) })
}

func TestReopened(t *testing.T) {
	server := couchtest.Start(t)
	urls := map[string]*url.URL{} // a folder stands for databases
	storetest.RunReopened(t, func(t *testing.T, dir string) store.Store {
		if urls[dir] == nil {
			urls[dir] = server.Prefix(t)
		}
		return open(t, urls[dir])
	})
}

func TestShared(t *testing.T) {
	server := couchtest.Start(t)
	storetest.RunShared(t, func(t *testing.T) []store.Store {
		u := server.Prefix(t)
		return []store.Store{open(t, u), open(t, u), open(t, u)}
	})
}

// TestKilled kills a process in the middle of its writes, several times over one database.
func TestKilled(t *testing.T) {
	u := couchtest.Start(t).Prefix(t)
	for round := range 3 {
		confirmed := storetest.WriteAndKill(t, crashURL+"="+u.String(), 200)
		s := open(t, u)
		if lines := storetest.CheckConfirmed(t, s, confirmed); lines < 200 {
			t.Errorf("round %d: the child confirmed %d writes only", round, lines)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestServerKilled kills the server in the middle of writes.
func TestServerKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a server, which is more than a short test may take")
	}
	server, err := couchtest.New() // one of its own
	realtest.Require(t, err)
	defer server.Remove()
	s := open(t, server.Prefix(t))
	defer s.Close()
	storetest.KillServer(t, s, server, 200)
}

// TestAway: a server that is away is an error of its own kind, after a time, and no error has the password.
func TestAway(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want error
	}{
		{"couchdb://me:secret@127.0.0.1:1/", store.ErrUnavailable},
		{"couchdb://me:secret@127.0.0.1:1/Upper", nil},
	} {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		_, err = couchstore.Open(t.Context(), u)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %v", tt.url, err, tt.want)
		}
	}
}

// TestForeign: databases of OpenWhisk are left alone.
func TestForeign(t *testing.T) {
	u := couchtest.Start(t).Prefix(t)
	client, err := kivik.New("couch", "http://"+u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	name := strings.Trim(u.Path, "/") + "whisks"
	theirs := map[string]any{"language": "javascript", "views": map[string]any{"actions": map[string]any{"map": "function (doc) {}"}}}
	if err := client.CreateDB(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	rev, err := client.DB(name).Put(t.Context(), "_design/whisks.v2.1.0", theirs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := couchstore.Open(t.Context(), u); !errors.Is(err, couchstore.ErrForeign) {
		t.Errorf("got %v, want %v", err, couchstore.ErrForeign)
	}
	var now struct {
		Rev string `json:"_rev"`
	}
	if err := client.DB(name).Get(t.Context(), "_design/whisks.v2.1.0").ScanDoc(&now); err != nil || now.Rev != rev {
		t.Errorf("the design document is %s, %v; want it untouched at %s", now.Rev, err, rev)
	}
}

func BenchmarkStore(b *testing.B) {
	server := couchtest.Start(b)
	storetest.Bench(b, func(b *testing.B) store.Store {
		s, err := couchstore.Open(b.Context(), server.Prefix(b))
		if err != nil {
			b.Fatal(err)
		}
		return s
	})
}
