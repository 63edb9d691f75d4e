package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

var activationCases = []testCase{
	{"records come back as they were written", testRecordFields},
	{"the first record of an id stays", testRefusedRecords},
	{"batches of all sizes", testManyRecords},
	{"records end their journal entries, discarded ones leave nothing else", testRecordsEndEntries},
	{"lists of records are filtered, newest first", testRecordLists},
	{"lists are brief unless asked for all", testBriefRecords},
}

func testRecordFields(t *testing.T, s store.Store) {
	full := record("ns", "full", noon)
	fired := record("ns", "fired", noon+1)
	fired.End, fired.Duration, fired.Cause = time.Time{}, 0, ""
	fired.Response = whisk.Response{Result: []byte("null")}
	silent := record("ns", "silent", noon+2)
	silent.Logs, silent.Response.Size, silent.Annotations = nil, nil, whisk.Parameters{}
	all := []*whisk.Activation{full, fired, silent}
	if refused := putRecords(t, s, all...); refused != 0 {
		t.Errorf("%d new records were refused", refused)
	}
	for _, want := range all {
		got, err := s.Activation(t.Context(), "ns", want.ID)
		if err != nil {
			t.Fatalf("read %s: %v", want.Name, err)
		}
		if diff := cmp.Diff(want, got, none); diff != "" {
			t.Errorf("%s (-written +read):\n%s", want.Name, diff)
		}
		_, err = s.Activation(t.Context(), "other", want.ID)
		wantError(t, "read in another namespace", err, store.ErrNotFound)
	}
	_, err := s.Activation(t.Context(), "ns", newID())
	wantError(t, "read what is not there", err, store.ErrNotFound)
}

func testRefusedRecords(t *testing.T, s store.Store) {
	first, other := record("ns", "first", noon), record("ns", "other", noon)
	putRecords(t, s, first)
	second := *first
	second.Name, second.Namespace, second.Logs = "second", "elsewhere", []string{"other logs"}
	twin := *other
	twin.Name = "twin"
	if refused := putRecords(t, s, &second, other, &twin); refused != 2 {
		t.Errorf("refused: got %d, want 2: a record of a known id and the second one of a new id", refused)
	}
	for _, want := range []*whisk.Activation{first, other} {
		if got, err := s.Activation(t.Context(), "ns", want.ID); err != nil || !cmp.Equal(want, got, none) {
			t.Errorf("record of %s (-want +got), error %v:\n%s", want.Name, err, cmp.Diff(want, got, none))
		}
	}
	_, err := s.Activation(t.Context(), "elsewhere", first.ID)
	wantError(t, "read a refused record", err, store.ErrNotFound)
}

// testManyRecords puts batches of all sizes, with known ids among the new ones,
// and with records that were never in the journal.
func testManyRecords(t *testing.T, s store.Store) {
	known := record("ns", "known", noon)
	putRecords(t, s, known)
	waiting := record("ns", "waiting", noon)
	accept(t, s, waiting.ID)
	total := 1
	for size := 1; size <= 70; size += 7 {
		batch := make([]store.Record, size)
		for i := range batch {
			batch[i] = store.Record{Activation: record("ns", "new", noon), Unjournaled: true}
		}
		again := *known
		again.Name = "again"
		batch[size/2].Activation = &again
		refused, err := s.PutActivations(t.Context(), batch)
		if err != nil || refused != 1 {
			t.Fatalf("%d records, one of a known id: got %d refused, %v", size, refused, err)
		}
		total += size - 1
	}
	if n, err := s.CountActivations(t.Context(), store.ActivationQuery{Namespace: "ns"}); err != nil || n != total {
		t.Errorf("got %d records, %v; want %d", n, err, total)
	}
	if got := entries(t, s); len(got) != 1 || got[0].ID != waiting.ID {
		t.Errorf("journal: got %+v, want the entry of %s alone", got, waiting.ID)
	}
}

func testRecordsEndEntries(t *testing.T, s store.Store) {
	kept, discarded, waiting := record("ns", "kept", noon), record("ns", "discarded", noon), record("ns", "waiting", noon)
	accept(t, s, kept.ID, discarded.ID, waiting.ID)
	refused, err := s.PutActivations(t.Context(), []store.Record{{Activation: kept}, {Activation: discarded, Discard: true}})
	if err != nil || refused != 0 {
		t.Fatalf("put a record and discard one: got %d refused, %v", refused, err)
	}
	got := entries(t, s)
	if len(got) != 1 || got[0].ID != waiting.ID {
		t.Errorf("journal: got %+v, want the entry of %s alone", got, waiting.ID)
	}
	_, err = s.Activation(t.Context(), "ns", discarded.ID)
	wantError(t, "read a discarded record", err, store.ErrNotFound)
	for _, r := range []*whisk.Activation{kept, discarded} {
		if taken, err := s.Take(t.Context(), r.ID, "invoker3"); err != nil || taken {
			t.Errorf("take %s after its end: got %t, %v; want false", r.Name, taken, err)
		}
	}
	// A refused record ends its entry, too.
	accept(t, s, kept.ID)
	if refused := putRecords(t, s, kept); refused != 1 || len(entries(t, s)) != 1 {
		t.Errorf("a refused record: got %d refused and %d entries left, want 1 and 1", refused, len(entries(t, s)))
	}
}

func testRecordLists(t *testing.T, s store.Store) {
	var batch []*whisk.Activation
	add := func(namespace, name, annotation, path string, start int64) {
		r := record(namespace, name, start)
		r.Annotations = whisk.Parameters{}.WithValue("path", namespace+"/"+name)
		if annotation != "" {
			r.Annotations = r.Annotations.WithValue(annotation, path)
		}
		r.Subject = fmt.Sprint(len(batch)) // how the table below names it
		batch = append(batch, r)
	}
	add("ns", "a", "", "", noon)                       // 0
	add("ns", "a", "path", "ns/pkg/a", noon+1)         // 1
	add("ns", "a", "binding", "ns/bound", noon+2)      // 2
	add("ns", "b", "", "", noon+3)                     // 3
	add("ns", "b", "", "", noon+3)                     // 4: the same moment, the later id
	add("other", "a", "", "", noon+4)                  // 5
	add("ns", "a", "path", "provider/pkg/a", noon+100) // 6
	putRecords(t, s, batch...)
	for _, tt := range []struct {
		q     store.ActivationQuery
		want  string
		count int
	}{
		{store.ActivationQuery{}, "643210", 6},
		{store.ActivationQuery{Limit: 2}, "64", 6},
		{store.ActivationQuery{Limit: 2, Skip: 2}, "32", 6},
		{store.ActivationQuery{Skip: 5}, "0", 6},
		{store.ActivationQuery{Skip: 6, Limit: 1}, "", 6},
		{store.ActivationQuery{Name: "a"}, "0", 1},
		{store.ActivationQuery{Name: "b"}, "43", 2},
		{store.ActivationQuery{Name: "pkg/a"}, "61", 2},
		{store.ActivationQuery{Name: "bound/a"}, "2", 1},
		{store.ActivationQuery{Name: "none"}, "", 0},
		{store.ActivationQuery{Since: noon + 2}, "6432", 4},
		{store.ActivationQuery{Upto: noon + 2}, "210", 3},
		{store.ActivationQuery{Since: noon + 1, Upto: noon + 3}, "4321", 4},
		{store.ActivationQuery{Since: noon + 3, Upto: noon + 3, Name: "b"}, "43", 2},
		{store.ActivationQuery{Since: noon + 4, Upto: noon + 3}, "", 0},
	} {
		for _, full := range []bool{false, true} {
			tt.q.Namespace, tt.q.Full = "ns", full
			list, err := s.ListActivations(t.Context(), tt.q)
			if err != nil {
				t.Fatalf("list %+v: %v", tt.q, err)
			}
			var got string
			for _, a := range list {
				got += a.Subject
			}
			if got != tt.want {
				t.Errorf("list %+v: got %q, want %q", tt.q, got, tt.want)
			}
		}
		if n, err := s.CountActivations(t.Context(), tt.q); err != nil || n != tt.count {
			t.Errorf("count %+v: got %d, %v; want %d", tt.q, n, err, tt.count)
		}
	}
}

func testBriefRecords(t *testing.T, s store.Store) {
	want := record("ns", "a", noon)
	putRecords(t, s, want)
	brief := *want
	brief.Logs, brief.Response.Result = nil, nil
	for full, want := range map[bool]*whisk.Activation{true: want, false: &brief} {
		list, err := s.ListActivations(t.Context(), store.ActivationQuery{Namespace: "ns", Full: full})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]*whisk.Activation{want}, list, none); diff != "" {
			t.Errorf("list with full = %t (-want +got):\n%s", full, diff)
		}
	}
}
