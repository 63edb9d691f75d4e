package sealedstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/store/sealedstore"
	"quirl/store/sqlitestore"
	"quirl/store/storetest"
	"quirl/whisk"
)

func ring(t *testing.T, lines ...string) *sealedstore.Ring {
	t.Helper()
	r, err := sealedstore.ParseRing(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sqlite(t *testing.T, file string) store.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStore: it is a store like the one behind it.
func TestStore(t *testing.T) {
	keys := ring(t, sealedstore.NewRingKey("one"))
	storetest.Run(t, func(t *testing.T) store.Store {
		return sealedstore.New(sqlite(t, filepath.Join(t.TempDir(), "quirl.db")), keys)
	})
}

func subject() whisk.Subject {
	return whisk.Subject{Name: "ann", Namespaces: []whisk.SubjectNamespace{{
		Name: "ann", Key: whisk.NewKey(), Keys: []whisk.AccessKey{{Key: whisk.NewKey(), Name: "reader"}},
	}, {Name: "other", Key: whisk.NewKey()}}}
}

// TestSealed looks for secrets in the file of the database.
func TestSealed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "quirl.db")
	one, two := sealedstore.NewRingKey("one"), sealedstore.NewRingKey("two")
	plain := sqlite(t, file)
	ann, bob := subject(), subject()
	bob.Name = "bob"
	if err := sealedstore.New(plain, ring(t)).PutSubject(t.Context(), bob); err != nil { // before there was a key
		t.Fatal(err)
	}
	s := sealedstore.New(plain, ring(t, one))
	if err := s.PutSubject(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	wantSecrets(t, s, map[string]int{"": 3, "one": 3})
	accepted := store.JournalEntry{ID: whisk.NewActivationID(time.Now()), Message: []byte("called with " + ann.Namespaces[0].Secret)}
	if err := s.Accept(t.Context(), accepted); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Entries(t.Context(), store.JournalQuery{}); err != nil || !cmp.Equal(got, []store.JournalEntry{accepted}) {
		t.Errorf("journal: got %+v, %v; want %+v", got, err, accepted)
	}
	wantSubjects(t, s, ann, bob)

	// A new key comes first, the old one stays until all is sealed with the new one.
	s = sealedstore.New(plain, ring(t, "# the present one", two, "", one))
	if n, err := s.Reseal(t.Context()); err != nil || n != 2 {
		t.Errorf("seal again: %d subjects, %v; want 2", n, err)
	}
	if n, err := s.Reseal(t.Context()); err != nil || n != 0 {
		t.Errorf("once more: %d subjects, %v; want none", n, err)
	}
	s = sealedstore.New(plain, ring(t, two))
	wantSecrets(t, s, map[string]int{"two": 6})
	wantSubjects(t, s, ann, bob)
	for _, lost := range []*sealedstore.Ring{ring(t), ring(t, one), ring(t, sealedstore.NewRingKey("two"))} {
		if _, err := sealedstore.New(plain, lost).Identity(t.Context(), ann.Namespaces[0].UUID); !errors.Is(err, sealedstore.ErrRing) {
			t.Errorf("without the key: got %v, want %v", err, sealedstore.ErrRing)
		}
	}

	// A sealed secret opens nothing in the place of another one.
	stored, err := plain.Subject(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	stored.Namespaces[1].Secret = stored.Namespaces[0].Secret
	if err := plain.PutSubject(t.Context(), *stored); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Identity(t.Context(), ann.Namespaces[1].UUID); !errors.Is(err, sealedstore.ErrRing) {
		t.Errorf("a secret that was moved: got %v, want %v", err, sealedstore.ErrRing)
	}
	if err := s.PutSubject(t.Context(), ann); err != nil {
		t.Fatal(err)
	}

	if err := plain.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), ann.Namespaces[0].Secret) || strings.Contains(string(content), ann.Namespaces[0].Keys[0].Secret) {
			t.Errorf("%s has a secret", f.Name())
		}
	}
}

func wantSecrets(t *testing.T, s *sealedstore.Store, want map[string]int) {
	t.Helper()
	if got, err := s.Secrets(t.Context()); err != nil || !cmp.Equal(got, want) {
		t.Errorf("secrets by key: got %v, %v; want %v", got, err, want)
	}
}

func wantSubjects(t *testing.T, s *sealedstore.Store, want ...whisk.Subject) {
	t.Helper()
	got, err := s.Subjects(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("subjects, %v (-want +got):\n%s", err, diff)
	}
}

func TestParseRing(t *testing.T) {
	good := sealedstore.NewRingKey("a")
	for _, text := range []string{"a", "a b c", "a !!!", "a " + strings.Fields(good)[1][:20], good + "\n" + sealedstore.NewRingKey("a"), "a/b " + strings.Fields(good)[1]} {
		r, err := sealedstore.ParseRing(text)
		if err == nil {
			t.Errorf("%q: got %+v, want an error", text, r)
		} else if strings.Contains(err.Error(), strings.Fields(good)[1]) {
			t.Errorf("%q: the error has the key: %v", text, err)
		}
	}
}
