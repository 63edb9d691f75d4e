// Package storetest checks that a Store and its Attachments keep the promises
// of package store.
//
// Run is for every Store; RunReopened for those that keep their data over a
// Close; RunAttachments for the place where code lies. Write and CheckConfirmed
// are the two halves of a test that kills the writing process.
package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quirl/store"
	"quirl/whisk"
)

// none says that a list without elements may come back as nil.
var none gocmp.Option = cmpopts.EquateEmpty()

// A testCase is one promise and how it is checked.
type testCase struct {
	name string
	fn   func(*testing.T, store.Store)
}

// Run checks a Store; open must return a fresh, empty one on each call.
func Run(t *testing.T, open func(*testing.T) store.Store) {
	for _, c := range slices.Concat(entityCases, listCases, subjectCases, activationCases, journalCases, loadCases, cachedCases, walkCases, expireCases, byteCases, auditCases) {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			c.fn(t, s)
		})
	}
}

// noon is when the suite's entities and activations begin to happen, in epoch milliseconds.
const noon = int64(1_700_000_000_000)

func meta(path, name string, updated int64) whisk.Meta {
	return whisk.Meta{Namespace: whisk.Path(path), Name: name, Version: whisk.FirstVersion(), Updated: updated}
}

func action(path, name string, updated int64) *whisk.Action {
	return &whisk.Action{
		Meta:   meta(path, name, updated),
		Exec:   whisk.Exec{Kind: "nodejs:20", Attachment: &whisk.Attachment{SHA256: "00", Size: 3}},
		Limits: whisk.ActionLimits{Timeout: 60_000, Memory: 256, Logs: 10, Concurrency: 1},
	}
}

func pkg(namespace, name string, updated int64, publish bool, binding *whisk.Binding) *whisk.Package {
	p := &whisk.Package{Meta: meta(namespace, name, updated), Binding: binding}
	p.Publish = publish
	return p
}

// put writes e and notes its new revision in e.
func put(t *testing.T, s store.Entities, e whisk.Entity) string {
	t.Helper()
	revision, err := s.PutEntity(t.Context(), e)
	if err != nil {
		t.Fatalf("put %s with revision %q: %v", e.FullName(), e.Common().Revision, err)
	}
	e.Common().Revision = revision
	return revision
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// names are the full names of a list, in its order.
func names[E whisk.Entity](list []E) []string {
	got := make([]string, 0, len(list))
	for _, e := range list {
		got = append(got, e.FullName().ID())
	}
	return got
}

// record is an activation's record with all of its fields.
func record(namespace, name string, start int64) *whisk.Activation {
	size := 17
	return &whisk.Activation{
		Namespace: namespace, Name: name, Version: whisk.Version{Major: 1, Minor: 2, Patch: 3}, Subject: "ann",
		ID:    idOf(start),
		Cause: "0123456789abcdef0123456789abcdef", Start: time.UnixMilli(start), End: time.UnixMilli(start + 25), Duration: 25,
		Response: whisk.Response{Status: whisk.ApplicationError, Result: []byte(`{"error":"<&> ä"}`), Size: &size},
		Logs:     []string{"2023-11-14T22:13:20.000000000Z stdout: one", "2023-11-14T22:13:20.000000001Z stderr: two"}, Publish: true,
		Annotations: whisk.Parameters{}.WithValue("path", namespace+"/"+name).WithValue("kind", "nodejs:20"),
	}
}

// idOf makes an id as of a time that may be past: the platform's own ids never go back.
func idOf(millis int64) whisk.ActivationID {
	return whisk.ActivationID(fmt.Sprintf("%012x7%03x8%015x", millis, made.Add(1)&0xfff, rand.Uint64()>>4))
}

// made counts the ids of idOf.
var made atomic.Uint64

func putRecords(t *testing.T, s store.Activations, records ...*whisk.Activation) (refused int) {
	t.Helper()
	batch := make([]store.Record, len(records))
	for i, r := range records {
		batch[i].Activation = r
	}
	refused, err := s.PutActivations(t.Context(), batch)
	if err != nil {
		t.Fatalf("put %d records: %v", len(records), err)
	}
	return refused
}

func accept(t *testing.T, s store.Journal, ids ...whisk.ActivationID) {
	t.Helper()
	for _, id := range ids {
		if err := s.Accept(t.Context(), store.JournalEntry{ID: id, Message: []byte("message " + id), Owner: "controller5"}); err != nil {
			t.Fatalf("accept %s: %v", id, err)
		}
	}
}

func entries(t *testing.T, s store.Journal) []store.JournalEntry {
	t.Helper()
	list, err := s.Entries(t.Context(), store.JournalQuery{})
	if err != nil {
		t.Fatalf("entries: %v", err)
	}
	return list
}

// newID is an activation id that no other test of the process has.
func newID() whisk.ActivationID { return whisk.NewActivationID(time.Now()) }

// sorted returns a sorted copy.
func sorted[T cmp.Ordered](s []T) []T { return slices.Sorted(slices.Values(s)) }

func numbered(prefix string, n int) string { return fmt.Sprintf("%s%03d", prefix, n) }
