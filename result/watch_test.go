package result_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"quirl/result"
	"quirl/store"
	"quirl/whisk"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecords()
		r := newRecorder(t, s, t.TempDir())
		run(t, r)
		before := record()
		put(r, before)
		w := r.Watch("ns")
		other := r.Watch("other")
		unwanted, announced, wanted := record(), record("brief"), record("full")
		r.Announce(announced, false)
		r.Put(store.Record{Activation: unwanted, Discard: true})
		put(r, wanted)
		if got, err := w.Next(t.Context()); got != wanted || err != nil {
			t.Errorf("got %+v, %v; want the record that came after the watch began", got, err)
		}
		put(r, announced)
		if got, err := w.Next(t.Context()); got != announced || err != nil {
			t.Errorf("got %+v, %v; want the announced record once it is final", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, quiet := range []*result.Watch{w, other} {
			if got, err := quiet.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %+v, %v; want nothing more", got, err)
			}
			quiet.Close()
			quiet.Close()
		}
		put(r, record()) // nobody watches any more
	})
}

// TestWatchBehind: who does not read is cut off and hinders nobody.
func TestWatchBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, newRecords(), t.TempDir())
		run(t, r)
		w := r.Watch("ns")
		for range 1100 {
			put(r, record())
		}
		n := 0
		for {
			_, err := w.Next(t.Context())
			if errors.Is(err, result.ErrBehind) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 1024 {
			t.Errorf("got %d records before the cut, want 1024", n)
		}
		w.Close()
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecords()
		r := newRecorder(t, s, t.TempDir())
		run(t, r)
		wait := func(what string, id whisk.ActivationID, limit, took time.Duration, found bool) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			began := time.Now()
			got, err := r.Wait(ctx, "ns", id)
			if found != (err == nil) || !found && !errors.Is(err, store.ErrNotFound) || found && got.ID != id || time.Since(began) != took {
				t.Errorf("%s: got %+v, %v after %v; want found %t after %v", what, got, err, time.Since(began), found, took)
			}
		}
		there, late, never, foreign := record(), record(), record(), record()
		put(r, there)
		wait("what is there", there.ID, time.Minute, 0, true)
		time.AfterFunc(2500*time.Millisecond, func() { put(r, record()); put(r, late) })
		wait("what comes later", late.ID, time.Minute, 2500*time.Millisecond, true)
		wait("what never comes", never.ID, 5*time.Second, 5*time.Second, false)
		time.AfterFunc(2500*time.Millisecond, func() { // by another process
			s.mu.Lock()
			defer s.mu.Unlock()
			s.kept[foreign.ID] = foreign
		})
		wait("what another process writes", foreign.ID, time.Minute, 3*time.Second, true)
	})
}
