package result_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"quirl/internal/logtest"
	"quirl/result"
	"quirl/store"
	"quirl/whisk"
)

// records is a store.Activations in memory that can fail, block and refuse.
type records struct {
	store.Activations

	mu        sync.Mutex
	kept      map[whisk.ActivationID]*whisk.Activation
	discarded map[whisk.ActivationID]bool
	times     map[whisk.ActivationID]int // how often an id was written
	refused   int
	failures  int           // so many calls fail from now on
	tries     []time.Time   // when PutActivations was called
	gate      chan struct{} // when not nil every call of PutActivations waits for a token
}

func newRecords() *records {
	return &records{kept: map[whisk.ActivationID]*whisk.Activation{}, discarded: map[whisk.ActivationID]bool{}, times: map[whisk.ActivationID]int{}}
}

var errDown = errors.New("store is down")

func (s *records) PutActivations(_ context.Context, batch []store.Record) (refused int, err error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries = append(s.tries, time.Now())
	if s.failures > 0 {
		s.failures--
		return 0, errDown
	}
	for _, r := range batch {
		s.times[r.ID]++
		switch {
		case r.Discard:
			s.discarded[r.ID] = true
		case s.kept[r.ID] != nil:
			refused++
		default:
			s.kept[r.ID] = r.Activation
		}
	}
	s.refused += refused
	return refused, nil
}

func (s *records) Activation(_ context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.kept[id]; a != nil && a.Namespace == namespace {
		return a, nil
	}
	return nil, store.ErrNotFound
}

func (s *records) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept)
}

func record(logs ...string) *whisk.Activation {
	now := time.Now()
	return &whisk.Activation{
		Namespace: "ns", Name: "a", Version: whisk.FirstVersion(), ID: whisk.NewActivationID(now), Start: now, End: now,
		Response: whisk.Response{Result: []byte(`{"a":1}`)}, Logs: logs,
	}
}

func newRecorder(t *testing.T, s *records, dir string) *result.Recorder {
	t.Helper()
	r, err := result.New(t.Context(), s, dir, logtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// run lets r run until stop, which returns when it has ended.
func run(t *testing.T, r *result.Recorder) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func put(r *result.Recorder, a *whisk.Activation) { r.Put(store.Record{Activation: a}) }

// wantStored checks that each record was written once and nothing else was.
func wantStored(t *testing.T, s *records, want ...*whisk.Activation) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range want {
		if got := s.kept[a.ID]; got == nil || len(got.Logs) != len(a.Logs) || s.times[a.ID] != 1 {
			t.Errorf("record %d: got %+v, written %d times; want %+v once", i, got, s.times[a.ID], a)
		}
	}
	if len(s.kept) != len(want) {
		t.Errorf("got %d records, want %d", len(s.kept), len(want))
	}
}

func TestEveryRecordIsStoredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecords()
		r := newRecorder(t, s, t.TempDir())
		stop := run(t, r)
		var mu sync.Mutex
		var all []*whisk.Activation
		var wg sync.WaitGroup
		for w := range 20 {
			wg.Go(func() {
				for i := range 30 {
					a := record()
					if i%2 == 0 {
						r.Announce(a, false)
						full := *a
						full.Logs = []string{fmt.Sprint(w)}
						a = &full
					}
					put(r, a)
					mu.Lock()
					all = append(all, a)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantStored(t, s, all...)
		late := record()
		put(r, late)
		stop() // writes what is left
		wantStored(t, s, append(all, late)...)
	})
}

func TestStoreFailsForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecords()
		s.failures = 9
		r := newRecorder(t, s, t.TempDir())
		run(t, r)
		one, two := record(), record()
		put(r, one)
		put(r, two)
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantStored(t, s, one, two)
		for i := 1; i < len(s.tries); i++ {
			want := min(50*time.Millisecond<<(i-1), 5*time.Second)
			if got := s.tries[i].Sub(s.tries[i-1]); got != want {
				t.Errorf("try %d came %v after the one before, want %v", i, got, want)
			}
		}
	})
}

func TestRefusedRecordsHinderNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecords()
		r := newRecorder(t, s, t.TempDir())
		run(t, r)
		first, other := record(), record()
		put(r, first)
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := *first
		second.Name = "second"
		put(r, &second)
		put(r, other)
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.refused != 1 || s.kept[first.ID].Name != "a" || s.kept[other.ID] == nil {
			t.Errorf("got %d refused, records %v; want the second one of %s refused", s.refused, s.kept, first.ID)
		}
	})
}

// TestTwoEndsOfOneActivation: the invoker's record and the dispatcher's, who
// gave the activation up at the same moment, while the store has neither.
func TestTwoEndsOfOneActivation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecords()
		r := newRecorder(t, s, t.TempDir())
		first := record()
		r.Announce(first, false)
		put(r, first)
		second := *first
		second.Name = "second"
		put(r, &second)
		stop := run(t, r)
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		next := record()
		put(r, next)
		stop()
		wantStored(t, s, first, next)
		if got := s.kept[first.ID].Name; got != "a" {
			t.Errorf("got the record %q, want the first one", got)
		}
	})
}

func TestFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecords()
		s.gate = make(chan struct{})
		r := newRecorder(t, s, t.TempDir())
		run(t, r)
		brief := record()
		find := func(when string, wait time.Duration, logs int) {
			t.Helper()
			before := time.Now()
			got, err := r.Find(t.Context(), "ns", brief.ID)
			if err != nil || len(got.Logs) != logs || time.Since(before) != wait {
				t.Errorf("%s: got %+v, %v after %v; want %d lines after %v", when, got, err, time.Since(before), logs, wait)
			}
			if got, err := r.Find(t.Context(), "other", brief.ID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: in another namespace: got %+v, %v", when, got, err)
			}
		}
		if _, err := r.Find(t.Context(), "ns", brief.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before anything: got %v, want %v", err, store.ErrNotFound)
		}
		r.Announce(brief, false)
		find("before its logs", 2*time.Second, 0)
		full := *brief
		full.Logs = []string{"one", "two"}
		time.AfterFunc(500*time.Millisecond, func() { put(r, &full) })
		find("while its logs come", 500*time.Millisecond, 2)
		find("while the store is busy", 0, 2)
		close(s.gate)
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		find("when it is stored", 0, 2)

		unwanted := record()
		r.Announce(unwanted, true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Find(ctx, "ns", unwanted.ID); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with an ended context: got %v", err)
		}
		r.Put(store.Record{Activation: unwanted, Discard: true})
		if _, err := r.Find(t.Context(), "ns", unwanted.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a record that is not wanted: got %v, want %v", err, store.ErrNotFound)
		}
		if err := r.Flush(t.Context()); err != nil || !s.discarded[unwanted.ID] {
			t.Errorf("a record that is not wanted: flush %v, discarded %t", err, s.discarded[unwanted.ID])
		}
	})
}

func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecords()
		s.gate = make(chan struct{})
		r := newRecorder(t, s, t.TempDir())
		run(t, r)
		if err := r.Flush(t.Context()); err != nil {
			t.Errorf("with nothing to write: %v", err)
		}
		put(r, record())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := r.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while the store is blocked: got %v, want %v", err, context.DeadlineExceeded)
		}
		flushed := make(chan error)
		go func() { flushed <- r.Flush(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-flushed:
			t.Errorf("flush returned %v before anything was written", err)
		default:
		}
		close(s.gate)
		if err := <-flushed; err != nil || s.count() != 1 {
			t.Errorf("flush: %v with %d records written, want 1", err, s.count())
		}
	})
}

func TestFullBufferMakesPutWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = 8192
		s := newRecords()
		s.gate = make(chan struct{})
		r := newRecorder(t, s, t.TempDir())
		run(t, r)
		announced := record()
		r.Announce(announced, false)
		done := 1
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range bound + 10 {
			wg.Go(func() {
				put(r, record())
				mu.Lock()
				defer mu.Unlock()
				done++
			})
		}
		synctest.Wait()
		mu.Lock()
		if done != bound {
			t.Errorf("%d records were taken while the store is blocked, want %d", done, bound)
		}
		mu.Unlock()
		put(r, announced) // has its place already, so it does not wait
		close(s.gate)
		wg.Wait()
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.count(); got != bound+11 {
			t.Errorf("got %d records, want %d", got, bound+11)
		}
	})
}
