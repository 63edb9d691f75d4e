package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"quirl/store"
	"quirl/whisk"
)

// RunShared checks Stores that share one database, as those of several controllers do; open
// returns some of them on a fresh, empty one.
func RunShared(t *testing.T, open func(*testing.T) []store.Store) {
	for _, c := range []struct {
		name string
		fn   func(*testing.T, []store.Store)
	}{
		{"the history of an entity is linearisable", testLinearisable},
		{"of all who take an entry one gets it", testTakenOnce},
		{"of all who record an activation one does", testRecordedOnce},
		{"a cache forgets what another one wrote", testChanges},
	} {
		t.Run(c.name, func(t *testing.T) {
			stores := open(t)
			t.Cleanup(func() {
				for _, s := range stores {
					if err := s.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				}
			})
			c.fn(t, stores)
		})
	}
}

// A call is one on one entity, and what came of it.
type call struct {
	key      string
	verb     string // get, put or delete
	revision string // that was given
}

// register is what an entity does: it has a revision, empty when there is none, that a
// write names and replaces.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(call).key
			byKey[key] = append(byKey[key], op)
		}
		parts := make([][]porcupine.Operation, 0, len(byKey))
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	// The output is the revision that was read or made, or "conflict".
	Step: func(state, input, output any) (bool, any) {
		c, revision := input.(call), output.(string)
		switch {
		case c.verb == "get":
			return revision == state, state
		case revision == "conflict":
			return c.revision != state, state
		case c.verb == "delete":
			return c.revision == state, ""
		}
		return c.revision == state, revision
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprint(input, " -> ", output) },
}

// SharedTime is the variable that says how long the writers of one history work, e.g. 60s.
const SharedTime = "QUIRL_SHARED_TIME"

func sharedTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(SharedTime)
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", SharedTime, err)
	}
	return d
}

func testLinearisable(t *testing.T, stores []store.Store) {
	var mu sync.Mutex
	var history []porcupine.Operation
	length := sharedTime(t)
	pause := length / 5000 // so that a long history, too, is checked within a moment
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	began := time.Now()
	var working sync.WaitGroup
	for client := range 3 * len(stores) {
		s := stores[client%len(stores)]
		working.Go(func() {
			known := map[string]string{}
			for ctx.Err() == nil {
				time.Sleep(pause)
				c := call{key: numbered("a", rand.IntN(3)), verb: []string{"get", "put", "put", "put", "delete"}[rand.IntN(5)]}
				c.revision = known[c.key]
				if c.verb == "delete" && c.revision == "" {
					continue
				}
				start := time.Since(began)
				output, err := perform(context.WithoutCancel(ctx), s, c)
				end := time.Since(began)
				if err != nil {
					t.Errorf("%+v: %v", c, err)
					return
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: client, Input: c, Output: output, Call: int64(start), Return: int64(end)})
				mu.Unlock()
				switch {
				case output == "conflict":
					known[c.key], err = perform(context.WithoutCancel(ctx), s, call{key: c.key, verb: "get"})
				case c.verb == "delete":
					known[c.key] = ""
				default:
					known[c.key] = output
				}
				if err != nil {
					t.Errorf("read %s: %v", c.key, err)
					return
				}
			}
		})
	}
	working.Wait()
	if len(history) < 200 {
		t.Errorf("the history has %d calls only", len(history))
	}
	t.Logf("the history has %d calls", len(history))
	if result, info := porcupine.CheckOperationsVerbose(register, history, time.Minute); result != porcupine.Ok {
		t.Errorf("the history of %d calls is not linearisable: %v (%d partial orders)", len(history), result, len(info.PartialLinearizationsOperations()))
	}
}

// perform makes a call and returns the revision that came of it.
func perform(ctx context.Context, s store.Store, c call) (string, error) {
	id := "ns/" + c.key
	var revision string
	var err error
	switch c.verb {
	case "get":
		var e whisk.Entity
		if e, err = s.Entity(ctx, id); err == nil {
			revision = e.Common().Revision
		}
		if errors.Is(err, store.ErrNotFound) {
			return "", nil
		}
	case "put":
		a := action("ns", c.key, noon)
		a.Revision = c.revision
		revision, err = s.PutEntity(ctx, a)
	case "delete":
		err = s.DeleteEntity(ctx, id, c.revision)
	}
	if errors.Is(err, store.ErrConflict) {
		return "conflict", nil
	}
	return revision, err
}

func testTakenOnce(t *testing.T, stores []store.Store) {
	const entries = 50
	ids := make([]whisk.ActivationID, entries)
	for i := range ids {
		ids[i] = newID()
	}
	accept(t, stores[0], ids...)
	var taken [entries]atomic.Int64
	var taking sync.WaitGroup
	for _, s := range stores {
		for range 2 {
			taking.Go(func() {
				for i, id := range ids {
					ok, err := s.Take(t.Context(), id, "invoker3")
					if err != nil {
						t.Errorf("take: %v", err)
					}
					if ok {
						taken[i].Add(1)
					}
				}
			})
		}
	}
	taking.Wait()
	for i := range taken {
		if n := taken[i].Load(); n != 1 {
			t.Errorf("entry %d was taken %d times", i, n)
		}
	}
}

func testRecordedOnce(t *testing.T, stores []store.Store) {
	const records = 40
	var batch []store.Record
	for i := range records {
		batch = append(batch, store.Record{Activation: record("ns", "a", noon+int64(i))})
	}
	var refused atomic.Int64
	var writing sync.WaitGroup
	for _, s := range stores {
		for range 2 {
			writing.Go(func() {
				n, err := s.PutActivations(t.Context(), batch)
				if err != nil {
					t.Errorf("put: %v", err)
				}
				refused.Add(int64(n))
			})
		}
	}
	writing.Wait()
	if got, want := refused.Load(), int64(records*(2*len(stores)-1)); got != want {
		t.Errorf("%d records were refused, want %d", got, want)
	}
	if n, err := stores[0].CountActivations(t.Context(), store.ActivationQuery{Namespace: "ns"}); err != nil || n != records {
		t.Errorf("there are %d records, %v; want %d", n, err, records)
	}
}

// testChanges has an entity in the caches of two, one of whom changes it.
func testChanges(t *testing.T, stores []store.Store) {
	if _, ok := stores[0].(store.Notifier); !ok {
		t.Fatal("a store that several share tells nobody of changes")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	caches := make([]*store.Cached, len(stores))
	for i, s := range stores {
		caches[i] = store.NewCached(s, 100)
		running.Go(func() {
			if err := caches[i].Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	a := action("ns", "a", noon)
	for range 20 {
		put(t, caches[0], a)
		for _, c := range caches {
			waitForRevision(t, c, a.Revision)
		}
	}
	if err := caches[1].DeleteEntity(t.Context(), "ns/a", a.Revision); err != nil {
		t.Error(err)
	}
	for _, c := range caches {
		waitForRevision(t, c, "")
	}
	cancel()
	running.Wait()
}

// waitForRevision waits until a cache has the revision, empty for none.
func waitForRevision(t *testing.T, c *store.Cached, want string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		got := ""
		e, err := c.Entity(t.Context(), "ns/a")
		if err == nil {
			got = e.Common().Revision
		}
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a cache has revision %q (%v), want %q", got, err, want)
		}
	}
}
