package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/whisk"
)

// few is how much the small store has: as much as a list shows, so that both
// stores answer with lists of the same length.
const few = 30

// entities measures the same requests with a small store and with a large one.
// The large one's namespace has everything, which is the worst case.
func entities(ctx context.Context, o options) ([]row, error) {
	small, err := filledServer(ctx, few, few)
	if err != nil {
		return nil, err
	}
	defer small.stop()
	began := time.Now()
	large, err := filledServer(ctx, o.actions, o.records)
	if err != nil {
		return nil, err
	}
	defer large.stop()
	fmt.Fprintf(os.Stderr, "bench: %d actions and %d records were stored in %v\n", o.actions, o.records, time.Since(began).Round(time.Second))
	for _, s := range []*server{small, large} {
		for _, path := range []string{"packages/p", "actions/p/a", "actions/p/b"} {
			if err := s.put(path, map[string]any{"exec": map[string]any{"kind": "nodejs:default", "code": noop}}); err != nil {
				return nil, err
			}
		}
	}
	var rows []row
	for _, m := range []struct {
		what    string
		request func(stored, i int) (method, path string, body []byte)
	}{
		{"create an action", func(_, i int) (string, string, []byte) {
			return "PUT", fmt.Sprint("actions/new", i), []byte(`{"exec":{"kind":"nodejs:default","code":"function main() {}"}}`)
		}},
		{"get an action", func(stored, i int) (string, string, []byte) {
			return "GET", "actions/" + actionName(i*7919%stored), nil
		}},
		{"get a package of 2 actions", func(int, int) (string, string, []byte) { return "GET", "packages/p", nil }},
		{"list the newest 30 actions", func(int, int) (string, string, []byte) { return "GET", "actions", nil }},
		{"list the newest 30 activations", func(int, int) (string, string, []byte) { return "GET", "activations", nil }},
		{"list the newest 30 activations of one action", func(int, int) (string, string, []byte) {
			return "GET", "activations?name=" + actionName(0), nil
		}},
	} {
		var times [2][]time.Duration
		for i := range 400 {
			for side, at := range []struct {
				s      *server
				stored int
			}{{small, few}, {large, o.actions}} {
				method, path, body := m.request(at.stored, i)
				d, err := at.s.timed(method, "/api/v1/namespaces/_/"+path, body)
				if err != nil {
					return nil, err
				}
				times[side] = append(times[side], d)
			}
		}
		rows = append(rows, row{what: m.what + ", large store beside small", stats: times[1], floor: times[0], target: "≤ 5 ms P50, not growing"})
	}
	return rows, nil
}

// filledServer starts a server whose store has that many actions and records.
func filledServer(ctx context.Context, actions, records int) (*server, error) {
	dir, err := os.MkdirTemp("", "quirl-bench-")
	if err != nil {
		return nil, err
	}
	if err := fill(ctx, filepath.Join(dir, "quirl.db"), actions, records); err != nil {
		return nil, err
	}
	return startIn(ctx, dir, "--stem-cells=false", "--invocations-per-minute=100000000")
}

func fill(ctx context.Context, file string, actions, records int) error {
	st, err := sqlitestore.Open(ctx, file)
	if err != nil {
		return err
	}
	defer st.Close() // what was written is safe
	if err := fillActions(ctx, st, actions); err != nil {
		return err
	}
	return fillRecords(ctx, st, records)
}

func actionName(i int) string { return "action" + strconv.Itoa(i) }

// fillActions writes from many goroutines, whose writes share transactions.
func fillActions(ctx context.Context, st store.Store, n int) error {
	const writers = 256
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += writers {
				a := &whisk.Action{
					Meta: whisk.Meta{
						Namespace: "guest", Name: actionName(i), Version: whisk.FirstVersion(), Updated: time.Now().UnixMilli(),
						Annotations: whisk.Parameters{}.WithValue("provide-api-key", false).WithValue("exec", "nodejs:20"),
					},
					Exec:   whisk.Exec{Kind: "nodejs:20"},
					Limits: whisk.ActionLimits{Timeout: 60_000, Memory: 256, Logs: 10, Concurrency: 1},
				}
				_, errs[w] = st.PutEntity(ctx, a)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// fillRecords writes records of the last hours, in batches as the recorder does.
// An action has ten thousand, or all.
func fillRecords(ctx context.Context, st store.Store, n int) error {
	const batch = 1000
	const pace = 10 * time.Millisecond
	at := time.Now().Add(-time.Duration(n) * pace)
	for done := 0; done < n; done += batch {
		records := make([]store.Record, min(batch, n-done))
		for i := range records {
			at = at.Add(pace)
			name := actionName((done + i) % max(n/10_000, 1))
			records[i] = store.Record{Unjournaled: true, Activation: &whisk.Activation{
				Namespace: "guest", Name: name, Version: whisk.FirstVersion(), Subject: "guest", ID: whisk.ActivationID(fmt.Sprintf("%032x", done+i)),
				Start: at, End: at.Add(2 * time.Millisecond), Duration: 2, Response: whisk.Response{Result: []byte(`{"payload":"Hello, World!"}`)},
				Logs: []string{"2026-01-02T03:04:05.678901234Z stdout: hello"},
				Annotations: whisk.Parameters{}.WithValue("path", "guest/"+name).WithValue("waitTime", 1).WithValue("kind", "nodejs:20").
					WithValue("timeout", false).WithValue("limits", whisk.ActionLimits{Timeout: 60_000, Memory: 256, Logs: 10, Concurrency: 1}),
			}}
		}
		if _, err := st.PutActivations(ctx, records); err != nil {
			return err
		}
	}
	return nil
}
