package result

import (
	"bufio"
	"os"
	"path/filepath"
	"testing"

	"quirl/whisk"
)

// TestSegments: mapped or written to, a file has the entries since it was emptied.
func TestSegments(t *testing.T) {
	for name, open := range map[string]func(string) (segment, error){
		"written": newPlainSegment,
		"mapped":  func(path string) (segment, error) { return newSegment(path, 1<<16) },
	} {
		path := filepath.Join(t.TempDir(), "segment")
		s, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		l := &redoLog{file: s, number: 1, pending: map[int]int{}}
		want := func(ids ...whisk.ActivationID) {
			t.Helper()
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var got []whisk.ActivationID
			if err := readSegment(bufio.NewReader(f), func(e redoEntry) error { got = append(got, e.record.ID); return nil }); err != nil {
				t.Fatal(err)
			}
			if len(got) != len(ids) {
				t.Errorf("%s: got %v, want %v", name, got, ids)
			}
			for i := range ids {
				if got[i] != ids[i] {
					t.Errorf("%s: got %v, want %v", name, got, ids)
				}
			}
		}
		put := func(id whisk.ActivationID) {
			t.Helper()
			if _, err := l.append(&whisk.Activation{ID: id, Version: whisk.FirstVersion()}, false); err != nil {
				t.Fatal(err)
			}
		}
		put("1")
		put("2")
		put("3")
		want("1", "2", "3")
		for range 3 {
			l.stored(1)
		}
		want()
		put("4")
		want("4")
		put("5")
		want("4", "5")
		if err := s.close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
