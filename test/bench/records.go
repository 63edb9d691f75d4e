package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// records measures what keeping records adds to warm calls, on each store that there is: calls of a
// namespace that keeps them in turns with calls of one that keeps none.
func records(ctx context.Context, o options) ([]row, error) {
	var rows []row
	for _, st := range []struct{ name, url string }{{"SQLite", "sqlite://"}, {"PostgreSQL", o.postgres}, {"CouchDB", o.couchdb}} {
		if st.url == "" {
			continue
		}
		r, err := recordsOf(ctx, o, st.url)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", st.name, err)
		}
		r.what, r.target = "warm call whose record is kept in "+st.name+", beside one that keeps none", "+2 % P50"
		rows = append(rows, r)
	}
	return rows, nil
}

// silent is a namespace that keeps no records.
const silent = "silent"

func recordsOf(ctx context.Context, o options, store string) (row, error) {
	dir, err := os.MkdirTemp("", "quirl-bench-")
	if err != nil {
		return row{}, err
	}
	key, err := silentUser(ctx, dir, store)
	if err != nil {
		return row{}, err
	}
	s, err := startIn(ctx, dir, "--store", store, "--stem-cells=false", "--invocations-per-minute=100000000", "--pause-after=0s")
	if err != nil {
		return row{}, err
	}
	defer s.stop()
	quiet := &conn{addr: s.addr, authorization: "Basic " + base64.StdEncoding.EncodeToString(key)}
	sides := []*conn{s.conn, quiet}
	for _, c := range sides {
		if err := c.create("noop", noop); err != nil {
			return row{}, err
		}
		for range o.calls / 3 {
			if _, err := c.invoke("noop"); err != nil {
				return row{}, err
			}
		}
	}
	const turns = 20
	var times [2][]time.Duration
	for range turns {
		for side, c := range sides {
			for range o.calls / turns {
				d, err := c.invoke("noop")
				if err != nil {
					return row{}, err
				}
				times[side] = append(times[side], d)
			}
		}
	}
	return row{stats: times[0], floor: times[1]}, nil
}

// silentUser makes a user whose namespace keeps no records, and returns its key.
func silentUser(ctx context.Context, dir, store string) ([]byte, error) {
	admin := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "bin/quirl", append([]string{"admin", "--data", dir, "--store", store}, args...)...)
		cmd.Stderr = os.Stderr
		return cmd.Output()
	}
	key, err := admin("user", "create", silent)
	if err != nil { // of an earlier run on the same database
		key, err = admin("user", "get", silent)
	}
	if err == nil {
		_, err = admin("limits", "set", silent, "--storeActivations", "no")
	}
	return bytes.TrimSpace(key), err
}
