package storetest

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

var journalCases = []testCase{
	{"entries stay in the order of their acceptance", testEntries},
	{"an entry that is accepted again has the new message", testAcceptAgain},
	{"entries are of their owners and takers", testOwners},
	{"an entry can be dropped", testDrop},
	{"an entry is taken once, whoever asks", testTakeOnce},
}

func testEntries(t *testing.T, s store.Store) {
	if got := entries(t, s); len(got) != 0 {
		t.Errorf("a fresh journal has %+v", got)
	}
	ids := []whisk.ActivationID{newID(), newID(), newID(), newID()}
	ids[0], ids[3] = ids[3], ids[0] // their order is that of acceptance, not of the ids
	accept(t, s, ids...)
	if taken, err := s.Take(t.Context(), ids[1], "invoker3"); err != nil || !taken {
		t.Fatalf("take an entry: got %t, %v", taken, err)
	}
	var want []store.JournalEntry
	for i, id := range ids {
		want = append(want, store.JournalEntry{ID: id, Message: []byte("message " + id), Owner: "controller5", Taker: []string{"", "invoker3", "", ""}[i]})
	}
	if diff := cmp.Diff(want, entries(t, s)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	putRecords(t, s, &whisk.Activation{Namespace: "ns", Name: "a", Version: whisk.FirstVersion(), ID: ids[2]})
	want = append(want[:2:2], want[3])
	if diff := cmp.Diff(want, entries(t, s)); diff != "" {
		t.Errorf("entries after a record (-want +got):\n%s", diff)
	}
}

func testAcceptAgain(t *testing.T, s store.Store) {
	first, second := newID(), newID()
	accept(t, s, first, second)
	if taken, err := s.Take(t.Context(), first, "invoker3"); err != nil || !taken {
		t.Fatalf("take an entry: got %t, %v", taken, err)
	}
	third := newID()
	err := s.Accept(t.Context(), store.JournalEntry{ID: first, Message: []byte("another")}, store.JournalEntry{ID: third, Message: []byte("begun"), Owner: "controller6", Taker: "invoker4"})
	if err != nil {
		t.Fatal(err)
	}
	want := []store.JournalEntry{
		{ID: first, Message: []byte("another"), Owner: "controller5", Taker: "invoker3"},
		{ID: second, Message: []byte("message " + second), Owner: "controller5"},
		{ID: third, Message: []byte("begun"), Owner: "controller6", Taker: "invoker4"},
	}
	if diff := cmp.Diff(want, entries(t, s)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func testOwners(t *testing.T, s store.Store) {
	for i, e := range []store.JournalEntry{
		{Owner: "controller0"}, {Owner: "controller0", Taker: "invoker0"}, {Owner: "controller1", Taker: "invoker0"}, {Owner: "controller1", Taker: "invoker1"},
	} {
		e.ID, e.Message = newID(), []byte(strconv.Itoa(i))
		if err := s.Accept(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		query store.JournalQuery
		want  string
	}{
		{store.JournalQuery{}, "0123"},
		{store.JournalQuery{Owner: "controller0"}, "01"},
		{store.JournalQuery{Taker: "invoker0"}, "12"},
		{store.JournalQuery{Owner: "controller1", Taker: "invoker0"}, "2"},
		{store.JournalQuery{Owner: "controller2"}, ""},
	} {
		list, err := s.Entries(t.Context(), c.query)
		got := ""
		for _, e := range list {
			got += string(e.Message)
		}
		if got != c.want || err != nil {
			t.Errorf("entries of %+v: got %q, %v; want %q", c.query, got, err, c.want)
		}
	}
}

func testDrop(t *testing.T, s store.Store) {
	kept, gone := newID(), newID()
	accept(t, s, kept, gone)
	for range 2 { // what is not there is no error
		if err := s.Drop(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
	}
	if got := entries(t, s); len(got) != 1 || got[0].ID != kept {
		t.Errorf("journal: got %+v, want %s alone", got, kept)
	}
}

func testTakeOnce(t *testing.T, s store.Store) {
	if taken, err := s.Take(t.Context(), newID(), "invoker3"); err != nil || taken {
		t.Errorf("take what is not there: got %t, %v; want false", taken, err)
	}
	for round := range 10 {
		id := newID()
		accept(t, s, id)
		var wg sync.WaitGroup
		var won atomic.Int64
		start := make(chan struct{})
		for range 20 {
			wg.Go(func() {
				<-start
				taken, err := s.Take(t.Context(), id, "invoker3")
				if err != nil {
					t.Errorf("take: %v", err)
				}
				if taken {
					won.Add(1)
				}
			})
		}
		close(start)
		wg.Wait()
		if got := won.Load(); got != 1 {
			t.Fatalf("round %d: %d of 20 took the entry, want 1", round, got)
		}
	}
}
