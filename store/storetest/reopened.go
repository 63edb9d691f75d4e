package storetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

// RunReopened checks a Store that keeps its data over a Close; open must return
// the store that lies in the folder dir.
func RunReopened(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	t.Run("all is there after a close while writing", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		id := newID()
		accept(t, s, id)
		confirmed := writeUntilClosed(t, s, 100, func() {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		s = open(t, dir)
		defer s.Close()
		got := list(t, s, store.EntityQuery{Collection: whisk.Actions, Path: "ns"})
		if diff := cmp.Diff(sorted(confirmed), sorted(got)); diff != "" {
			t.Errorf("actions (-confirmed +found):\n%s", diff)
		}
		if got := entries(t, s); len(got) != 1 || got[0].ID != id {
			t.Errorf("journal: got %+v, want %s", got, id)
		}
	})
	t.Run("revisions stay unique", func(t *testing.T) {
		dir := t.TempDir()
		had := map[string]bool{}
		for round := range 5 {
			s := open(t, dir)
			a := action("ns", "a", noon)
			revision := put(t, s, a)
			if had[revision] {
				t.Errorf("round %d: revision %s was that of an earlier entity", round, revision)
			}
			had[revision] = true
			if err := s.DeleteEntity(t.Context(), "ns/a", revision); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Write writes to s from several goroutines until the process is killed, and a
// line to confirmed for each write that s has confirmed: the first half of a
// test of abrupt ends. It returns only when s fails.
func Write(s store.Store, confirmed io.Writer) error {
	return writeUntil(s, confirmed, nil, func(error) bool { return false })
}

// WriteThrough writes as Write does, until done is closed, and goes on where the database
// was away: what it was asked for then may or may not have been done.
func WriteThrough(s store.Store, confirmed io.Writer, done <-chan struct{}) error {
	return writeUntil(s, confirmed, done, func(err error) bool { return errors.Is(err, store.ErrUnavailable) })
}

func writeUntil(s store.Store, confirmed io.Writer, done <-chan struct{}, passing func(error) bool) error {
	ctx := context.Background()
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(confirmed, format+"\n", args...)
	}
	const writers = 8
	run := whisk.RandomText(8) // names are not those of an earlier one
	ended := make(chan error, writers)
	for w := range writers {
		go func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					ended <- nil
					return
				default:
				}
				if err := writeOnce(ctx, s, fmt.Sprintf("%s-%d-%d", run, w, i), i, say); err != nil && !passing(err) {
					ended <- err
					return
				}
			}
		}()
	}
	var first error
	for range writers {
		if err := <-ended; err != nil && first == nil {
			if first = err; done == nil {
				return first
			}
		}
	}
	return first
}

func writeOnce(ctx context.Context, s store.Store, name string, i int, say func(string, ...any)) error {
	revision, err := s.PutEntity(ctx, action("ns", name, noon))
	if err != nil {
		return err
	}
	say("entity ns/%s %s", name, revision)
	id := whisk.NewActivationID(time.Now())
	if err := s.Accept(ctx, store.JournalEntry{ID: id, Message: []byte(name)}); err != nil {
		return err
	}
	say("accepted %s -", id)
	if i%3 == 0 {
		return nil
	}
	if taken, err := s.Take(ctx, id, "invoker3"); err != nil || !taken {
		return errors.Join(err, fmt.Errorf("take %s: %t", id, taken))
	}
	say("taken %s -", id)
	if i%3 == 1 {
		return nil
	}
	r := record("ns", name, time.Now().UnixMilli())
	r.ID = id
	if _, err := s.PutActivations(ctx, []store.Record{{Activation: r}}); err != nil {
		return err
	}
	say("recorded %s -", id)
	return nil
}

// WriteAndKill runs the test program again, whose TestMain is to call Write for the given
// variable (NAME=value), kills it after so many confirmed writes, and returns all that it confirmed.
func WriteAndKill(t *testing.T, variable string, writes int) io.Reader {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), variable)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	buf := make([]byte, 4096)
	for killed := false; ; {
		n, err := out.Read(buf)
		lines.Write(buf[:n])
		if err != nil {
			break
		}
		if !killed && bytes.Count(lines.Bytes(), []byte("\n")) >= writes {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return &lines
}

// CheckConfirmed checks that s has what Write confirmed: the second half. It
// returns the number of lines.
func CheckConfirmed(t *testing.T, s store.Store, confirmed io.Reader) (lines int) {
	t.Helper()
	state := map[string]string{} // the last confirmed state of each activation
	in := bufio.NewReader(confirmed)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break // the last line may be torn: then it was not confirmed
		}
		lines++
		fields := strings.Fields(line)
		if len(fields) != 3 {
			t.Fatalf("line %d: %q", lines, line)
		}
		if fields[0] != "entity" {
			state[fields[1]] = fields[0]
			continue
		}
		if e, err := s.Entity(t.Context(), fields[1]); err != nil || e.Common().Revision != fields[2] {
			t.Errorf("confirmed entity %s of revision %s: got %+v, %v", fields[1], fields[2], e, err)
		}
	}
	journal := map[string]store.JournalEntry{}
	for _, e := range entries(t, s) {
		journal[string(e.ID)] = e
	}
	for id, confirmed := range state {
		_, err := s.Activation(t.Context(), "ns", whisk.ActivationID(id))
		entry, waiting := journal[id]
		switch {
		case err != nil && !errors.Is(err, store.ErrNotFound):
			t.Errorf("activation %s: %v", id, err)
		case waiting == (err == nil):
			t.Errorf("activation %s stands in the journal: %t, has a record: %t; want one of both", id, waiting, err == nil)
		case confirmed == "recorded" && waiting, confirmed == "taken" && waiting && entry.Taker == "":
			t.Errorf("activation %s was %s, but its entry is there with the taker %q", id, confirmed, entry.Taker)
		}
	}
	return lines
}
