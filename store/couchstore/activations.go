package couchstore

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-kivik/kivik/v4"

	"quirl/store"
	"quirl/whisk"
)

const (
	recordType   = "activation"
	acceptedType = "accepted"
	// bulk is how many documents one request writes.
	bulk = 500
	// inlineLogs is how many bytes of logs are part of a document, which CouchDB bounds to 8 MB;
	// more are an attachment.
	inlineLogs = 1 << 20
	logsName   = "logs"
)

// exactParts are the originals of the parts of a record that have another clean form.
type exactParts struct {
	Document text `json:"document,omitempty"`
	Result   text `json:"result,omitempty"`
}

// recordDocument makes the document of a record.
func recordDocument(a *whisk.Activation, revision string) json.RawMessage {
	p := store.Split(a)
	var exact exactParts
	var more []string
	shown := *a
	if form, same := clean(p.Document); !same {
		exact.Document = p.Document
		if plain, err := whisk.DecodeActivation(form); err == nil {
			shown.Annotations = plain.Annotations
		}
	}
	if p.Result != nil {
		form, same := clean(p.Result)
		if !same {
			exact.Result = p.Result
		}
		shown.Response.Result = form
	}
	if len(p.Logs) > inlineLogs {
		shown.Logs = nil
		more = append(more, `"_attachments":{"`+logsName+`":{"content_type":"application/json","data":"`+base64.StdEncoding.EncodeToString(p.Logs)+`"}}`)
	}
	if exact.Document != nil || exact.Result != nil {
		more = append(more, `"exact":`+string(whisk.Marshal(exact)))
	}
	more = append(more, `"entityType":"`+recordType+`"`, `"filter":`+string(whisk.AppendString(nil, a.FilterName())))
	return withMembers(whisk.EncodeActivation(&shown), string(a.ID), revision, more...)
}

// record reads a record from its document, or from the value of a view that is brief. Logs that
// are attached are not read.
func (d document) record() (*whisk.Activation, error) {
	var exact exactParts
	if len(d.Exact) > 0 {
		if err := json.Unmarshal(d.Exact, &exact); err != nil {
			return nil, fmt.Errorf("%w: %w", errDocument, err)
		}
	}
	form, _ := clean(d.raw)
	a, err := whisk.DecodeActivation(form)
	if err != nil {
		return nil, err
	}
	if exact.Document != nil {
		plain, err := whisk.DecodeActivation(exact.Document)
		if err != nil {
			return nil, err
		}
		plain.Response.Result, plain.Logs = a.Response.Result, a.Logs
		a = plain
	}
	if exact.Result != nil {
		a.Response.Result = json.RawMessage(exact.Result)
	}
	return a, nil
}

// wholeRecord reads a record with all its logs.
func (s *Store) wholeRecord(ctx context.Context, d document) (*whisk.Activation, error) {
	a, err := d.record()
	if _, attached := d.Attachments[logsName]; err != nil || !attached {
		return a, err
	}
	logs, err := s.activations.attachment(ctx, d, logsName)
	if err != nil {
		return nil, err
	}
	return a, json.Unmarshal(logs, &a.Logs)
}

// known are the documents of ids, as far as there are any.
func (s *Store) known(ctx context.Context, ids []string) (map[string]document, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	docs, err := decodeRows(ctx, s.activations, view{params: map[string]any{"include_docs": true, "keys": ids}}, func(d document) (document, error) { return d, nil })
	byID := make(map[string]document, len(docs))
	for _, d := range docs {
		byID[d.ID] = d
	}
	return byID, err
}

// A change is a document to be written, or with Deleted to be removed.
type change struct {
	id      string
	deleted bool
	record  *whisk.Activation
}

// PutActivations is that of store.Activations. A record is the document of its journal entry from
// then on. Writing a record twice does no harm, so it is repeated; how many records were refused is
// then not known, and 0.
func (s *Store) PutActivations(ctx context.Context, records []store.Record) (refused int, err error) {
	var todo []change
	fresh, seen := map[string]bool{}, map[string]bool{} // those never in the journal; those of this batch
	for _, r := range records {
		id := string(r.ID)
		switch {
		case r.Discard && r.Unjournaled:
		case seen[id] && !r.Discard:
			refused++
		default:
			seen[id] = true
			fresh[id] = r.Unjournaled
			todo = append(todo, change{id, r.Discard, r.Activation})
		}
	}
	repeated := false
	for len(todo) > 0 {
		part := todo[:min(len(todo), bulk)]
		again, n, repeats, err := s.write(ctx, part, fresh)
		repeated = repeated || repeats
		if err != nil {
			return 0, err
		}
		refused += n
		todo = append(again, todo[len(part):]...)
	}
	if repeated {
		refused = 0
	}
	return refused, nil
}

// write makes changes in one request, and returns those to be made again because a document was
// another one by then.
func (s *Store) write(ctx context.Context, changes []change, fresh map[string]bool) (again []change, refused int, repeated bool, err error) {
	var ask []string
	revisions := map[string]string{}
	for _, c := range changes {
		if fresh[c.id] {
			continue
		}
		if revision := s.revisions.take(c.id); revision != "" {
			revisions[c.id] = revision
		} else {
			ask = append(ask, c.id)
		}
	}
	known, err := s.known(ctx, ask)
	if err != nil {
		return nil, 0, false, err
	}
	docs := make([]any, 0, len(changes))
	written := map[string]change{}
	for _, c := range changes {
		d, isKnown := known[c.id]
		revision := revisions[c.id]
		switch {
		case isKnown && d.Type == recordType:
			if !c.deleted {
				refused++
			}
			continue
		case isKnown:
			revision = d.Revision
		case c.deleted && revision == "":
			continue
		}
		doc := withMembers([]byte(`{"_deleted":true}`), c.id, revision)
		if !c.deleted {
			doc = recordDocument(c.record, revision)
		}
		docs, written[c.id] = append(docs, doc), c
	}
	if len(docs) == 0 {
		return nil, refused, false, nil
	}
	attempts := 0
	var results []kivik.BulkResult
	err = s.link.Do(ctx, true, func(ctx context.Context) (err error) {
		attempts++
		results, err = s.activations.BulkDocs(ctx, docs)
		return err
	})
	for _, r := range results {
		c := written[r.ID]
		switch {
		case r.Error == nil:
		case isStatus(r.Error, http.StatusConflict):
			fresh[c.id] = false // what it is now will be read
			again = append(again, c)
		default:
			err = errors.Join(err, fmt.Errorf("%s: %w", r.ID, r.Error))
		}
	}
	return again, refused, attempts > 1, err
}

// Activation is that of store.Activations.
func (s *Store) Activation(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	doc, err := s.activations.get(ctx, string(id))
	if err != nil {
		return nil, err
	}
	if doc.Type != recordType {
		return nil, store.ErrNotFound
	}
	a, err := s.wholeRecord(ctx, doc)
	if err != nil {
		return nil, err
	}
	if a.Namespace != namespace {
		return nil, store.ErrNotFound
	}
	return a, nil
}

// recordView asks for the records of a query; false when there can be none.
func recordView(q store.ActivationQuery) (view, bool) {
	if q.Upto > 0 && q.Since > q.Upto { // which CouchDB takes for a mistake
		return view{}, false
	}
	design, path := whisksDesign, q.Namespace
	if q.Name != "" {
		design, path = filtersDesign, q.Namespace+"/"+q.Name
	}
	from, to := []any{path, map[string]any{}}, []any{path}
	if q.Upto > 0 {
		from = []any{path, q.Upto, map[string]any{}}
	}
	if q.Since > 0 {
		to = []any{path, q.Since}
	}
	return view{design, "activations", map[string]any{"descending": true, "startkey": from, "endkey": to}}, true
}

// ListActivations is that of store.Activations.
func (s *Store) ListActivations(ctx context.Context, q store.ActivationQuery) ([]*whisk.Activation, error) {
	v, some := recordView(q)
	if !some {
		return nil, nil
	}
	v = v.page(q.Limit, q.Skip)
	if q.Full {
		v.params["include_docs"] = true
		return decodeRows(ctx, s.activations, v, func(d document) (*whisk.Activation, error) { return s.wholeRecord(ctx, d) })
	}
	rows, err := s.activations.rows(ctx, v)
	if err != nil {
		return nil, err
	}
	all := make([]*whisk.Activation, 0, len(rows))
	for _, r := range rows {
		doc, err := readDocument(r.Value)
		if err != nil {
			return nil, err
		}
		a, err := doc.record()
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// CountActivations is that of store.Activations.
func (s *Store) CountActivations(ctx context.Context, q store.ActivationQuery) (int, error) {
	v, some := recordView(q)
	if !some {
		return 0, nil
	}
	return s.activations.count(ctx, v)
}
