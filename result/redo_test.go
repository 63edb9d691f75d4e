package result_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"quirl/internal/logtest"
	"quirl/result"
	"quirl/store"
	"quirl/whisk"
)

// files are those of the redo log in dir, oldest first.
func files(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// lose puts records into a recorder that is never run, as if the process was lost.
func lose(t *testing.T, dir string, records ...*whisk.Activation) {
	t.Helper()
	r := newRecorder(t, newRecords(), dir)
	for _, a := range records {
		put(r, a)
	}
}

func TestRedoRestoresALostProcess(t *testing.T) {
	dir := t.TempDir()
	before := newRecords()
	r := newRecorder(t, before, dir)
	full, announced, unwanted := record("one"), record(), record()
	brief := *full
	brief.Logs = nil
	r.Announce(&brief, false)
	put(r, full)
	r.Announce(announced, false)
	r.Put(store.Record{Activation: unwanted, Discard: true})

	s := newRecords()
	newRecorder(t, s, dir)
	wantStored(t, s, full, announced)
	if !s.discarded[unwanted.ID] {
		t.Error("what is not wanted was not discarded after the restart")
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("after the restart: %v is left", left)
	}
	again := newRecords()
	newRecorder(t, again, dir)
	wantStored(t, again)
}

func TestRedoWhenTheStoreIsDown(t *testing.T) {
	dir := t.TempDir()
	a := record()
	lose(t, dir, a)
	s := newRecords()
	s.failures = 1
	if _, err := result.New(t.Context(), s, dir, logtest.New(t)); err == nil {
		t.Fatal("a recorder began although the records of the redo log cannot be stored")
	}
	newRecorder(t, s, dir)
	wantStored(t, s, a)
}

// damage changes the only file of the redo log.
func damage(t *testing.T, dir string, change func([]byte) []byte) {
	t.Helper()
	all := files(t, dir)
	if len(all) != 1 {
		t.Fatalf("the redo log has the files %v, want one", all)
	}
	data, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(all[0], change(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRedoDamage: whole entries before the damage count, what follows does not,
// and nothing stops the start.
func TestRedoDamage(t *testing.T) {
	entry := 8 + 1 + len(whisk.EncodeActivation(record("x")))
	for name, tt := range map[string]struct {
		change func([]byte) []byte
		whole  int
	}{
		"none":                       {func(b []byte) []byte { return b }, 3},
		"torn in the last entry":     {func(b []byte) []byte { return b[:3*entry-1] }, 2},
		"torn in the last head":      {func(b []byte) []byte { return b[:2*entry+5] }, 2},
		"torn after the last head":   {func(b []byte) []byte { return b[:2*entry+8] }, 2},
		"a changed byte":             {func(b []byte) []byte { b[entry+50] ^= 1; return b }, 1},
		"a changed sum":              {func(b []byte) []byte { b[entry+4] ^= 1; return b }, 1},
		"a length beyond the file":   {func(b []byte) []byte { b[entry+2] = 0xff; return b }, 1},
		"a length beyond all reason": {func(b []byte) []byte { b[entry+3] = 0xff; return b }, 1},
		"a length of nothing":        {func(b []byte) []byte { b[0], b[1], b[2], b[3] = 0, 0, 0, 0; return b }, 0},
		"nothing left":               {func([]byte) []byte { return nil }, 0},
		"nothing behind":             {func(b []byte) []byte { return b[:3*entry] }, 3},
		"zeros behind":               {func(b []byte) []byte { return append(b[:3*entry:3*entry], make([]byte, 4096)...) }, 3},
		"the beginning of a head":    {func(b []byte) []byte { return append(b[:3*entry:3*entry], 9, 0) }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			all := []*whisk.Activation{record("x"), record("x"), record("x")}
			lose(t, dir, all...)
			damage(t, dir, tt.change)
			s := newRecords()
			newRecorder(t, s, dir)
			wantStored(t, s, all[:tt.whole]...)
		})
	}
}

func TestRedoFilesAreReusedAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := newRecords()
		s.gate = make(chan struct{})
		r := newRecorder(t, s, dir)
		stop := run(t, r)
		large := func() *whisk.Activation { return record(strings.Repeat("x", 1<<20)) }
		var all []*whisk.Activation
		for range 20 { // 20 MB while the store is blocked: files of 8 MB
			all = append(all, large())
			put(r, all[len(all)-1])
		}
		if got := len(files(t, dir)); got != 3 {
			t.Errorf("20 MB lie in %d files, want 3", got)
		}
		close(s.gate)
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := files(t, dir); len(got) != 1 || filepath.Base(got[0]) != "records-000000003.log" {
			t.Errorf("when all is stored: got %v, want the last file", got)
		}
		for range 30 { // one after the other: the file begins again
			a := large()
			all = append(all, a)
			put(r, a)
			if err := r.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := files(t, dir)
		if len(got) != 1 || filepath.Base(got[0]) != "records-000000003.log" {
			t.Errorf("after 30 MB one by one: got %v, want the same file", got)
		} else if info, err := os.Stat(got[0]); err != nil || info.Size() > 8<<20 {
			t.Errorf("after 30 MB one by one: the file has %d bytes, %v; want no more than a segment", info.Size(), err)
		}
		stop()
		if got := files(t, dir); len(got) != 0 {
			t.Errorf("after the end: %v is left", got)
		}
		wantStored(t, s, all...)
	})
}

// TestRedoAfterTheEnd: what comes when the recorder has stopped is for the next one.
func TestRedoAfterTheEnd(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder(t, newRecords(), dir)
	stop := run(t, r)
	put(r, record())
	stop()
	late := record()
	put(r, late)
	s := newRecords()
	newRecorder(t, s, dir)
	wantStored(t, s, late)
}

// TestRedoCannotBeWritten: the records reach the store all the same.
func TestRedoCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "redo")
	s := newRecords()
	r := newRecorder(t, s, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	run(t, r)
	a := record()
	r.Announce(a, false)
	put(r, a)
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantStored(t, s, a)
}

// TestRedoOfAnEmptiedFile: what the store had taken is not restored.
func TestRedoOfAnEmptiedFile(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder(t, newRecords(), dir)
	run(t, r) // it ends with the test, after the restart below
	for range 5 {
		put(r, record("stored"))
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := copyOf(t, dir)
	s := newRecords()
	newRecorder(t, s, kept)
	wantStored(t, s)
	short, long := record("x"), record(strings.Repeat("y", 9<<20)) // one over the beginning of the old ones, one larger than a segment
	lose(t, kept, short, long)
	newRecorder(t, s, kept)
	wantStored(t, s, short, long)
}

// copyOf is the folder as a process that is lost now would leave it.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, file := range files(t, dir) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}
