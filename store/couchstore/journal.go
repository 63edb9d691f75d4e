package couchstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/go-kivik/kivik/v4"

	"quirl/store"
	"quirl/whisk"
)

// entry is the document of an accepted activation, until it is that of its record.
type entry struct {
	Type     string `json:"entityType"`
	Accepted int64  `json:"accepted"` // when, in epoch microseconds, for the order
	Message  text   `json:"message"`
	Owner    string `json:"owner"`
	Taker    string `json:"taker,omitempty"`
	TakenBy  string `json:"takenBy,omitempty"` // the call that took it, so that it can be repeated
}

func (d document) entry() (e entry, err error) {
	if err = json.Unmarshal(d.raw, &e); err != nil {
		err = fmt.Errorf("%w: %w", errDocument, err)
	}
	return e, err
}

// Accept is that of store.Journal. Writing an entry twice does no harm, so it is repeated. An id
// that has a record already needs no entry any more.
func (s *Store) Accept(ctx context.Context, entries ...store.JournalEntry) error {
	todo := map[string]entry{}
	for _, e := range entries {
		stamp := s.stamps.next()
		if earlier, twice := todo[string(e.ID)]; twice {
			stamp = earlier.Accepted
		}
		todo[string(e.ID)] = entry{Type: acceptedType, Accepted: stamp, Message: e.Message, Owner: e.Owner, Taker: e.Taker}
	}
	known := map[string]document{} // those that had an entry, or a record
	for len(todo) > 0 {
		var docs []any
		for id, e := range todo {
			old, again := known[id]
			if again && old.Type == recordType {
				delete(todo, id)
				continue
			}
			if again {
				was, err := old.entry()
				if err != nil {
					return err
				}
				e.Accepted, e.Owner, e.Taker, e.TakenBy = was.Accepted, was.Owner, was.Taker, was.TakenBy
			}
			if docs = append(docs, withMembers(whisk.Marshal(e), id, old.Revision)); len(docs) == bulk {
				break
			}
		}
		if len(docs) == 0 {
			break
		}
		var results []kivik.BulkResult
		err := s.link.Do(ctx, true, func(ctx context.Context) (err error) {
			results, err = s.activations.BulkDocs(ctx, docs)
			return err
		})
		if err != nil {
			return err
		}
		var conflicts []string
		for _, r := range results {
			switch {
			case r.Error == nil:
				delete(todo, r.ID)
				s.revisions.put(r.ID, r.Rev)
			case isStatus(r.Error, http.StatusConflict):
				conflicts = append(conflicts, r.ID)
				delete(known, r.ID)
			default:
				return fmt.Errorf("accept %s: %w", r.ID, r.Error)
			}
		}
		found, err := s.known(ctx, conflicts)
		if err != nil {
			return err
		}
		for id, d := range found {
			known[id] = d
		}
	}
	return nil
}

// Take is that of store.Journal. It waits for a database that is away as long as ctx lasts:
// what was accepted is not given up. An answer that was lost does no harm, for a call knows the
// entry that it took itself.
func (s *Store) Take(ctx context.Context, id whisk.ActivationID, taker string) (taken bool, err error) {
	call := whisk.RandomText(16)
	err = s.link.DoFor(ctx, store.Forever, true, func(ctx context.Context) error {
		for {
			taken, err = s.takeOnce(ctx, string(id), taker, call)
			if !errors.Is(err, store.ErrConflict) {
				return err
			}
		}
	})
	return taken, err
}

func (s *Store) takeOnce(ctx context.Context, id, taker, call string) (bool, error) {
	doc, err := s.activations.get(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && doc.Type != acceptedType {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	e, err := doc.entry()
	if err != nil || e.Taker != "" {
		return err == nil && e.TakenBy == call, err
	}
	e.Taker, e.TakenBy = taker, call
	revision, err := s.activations.put(ctx, true, id, withMembers(whisk.Marshal(e), id, doc.Revision))
	if err != nil {
		return false, err
	}
	s.revisions.put(id, revision)
	return true, nil
}

// Drop is that of store.Journal.
func (s *Store) Drop(ctx context.Context, id whisk.ActivationID) error {
	_, err := s.PutActivations(ctx, []store.Record{{Activation: &whisk.Activation{ID: id}, Discard: true}})
	return err
}

// Entries is that of store.Journal.
func (s *Store) Entries(ctx context.Context, q store.JournalQuery) ([]store.JournalEntry, error) {
	v := view{whisksDesign, acceptedType, map[string]any{"reduce": false, "include_docs": true}}
	all, err := decodeRows(ctx, s.activations, v, func(d document) (store.JournalEntry, error) {
		e, err := d.entry()
		return store.JournalEntry{ID: whisk.ActivationID(d.ID), Message: e.Message, Owner: e.Owner, Taker: e.Taker}, err
	})
	return slices.DeleteFunc(all, func(e store.JournalEntry) bool { return !q.Matches(e) }), err
}

// revisions remembers those of entries that this process wrote, so that most need not be read
// again. One that is old by then costs another request.
type revisions struct {
	mu   sync.Mutex
	byID map[string]string
}

// maxRevisions is how many revisions are remembered, of about 100 bytes each.
const maxRevisions = 50_000

func (r *revisions) put(id, revision string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil || len(r.byID) >= maxRevisions {
		r.byID = map[string]string{}
	}
	r.byID[id] = revision
}

// take returns the revision of an entry, once; none when it is not known.
func (r *revisions) take(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	revision := r.byID[id]
	delete(r.byID, id)
	return revision
}
