// Package couchstore is the store on CouchDB, for those who run one: databases, documents and
// views are those of OpenWhisk, so that its operators find what they know.
//
// It promises what package store promises, for every process that shares the databases. CouchDB
// changes one document at a time, so what must change at once is one document: an accepted
// activation becomes its own record. Read design.go for the views, document.go for how documents
// keep every byte, then this file.
package couchstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"

	"quirl/store"
	"quirl/whisk"
)

// A Store is the databases of one prefix on a CouchDB server. Make one with Open.
type Store struct {
	client                               *kivik.Client
	whisks, subjects, activations, audit database
	link                                 *store.Link
	stamps                               stamps
	revisions                            revisions
	warming                              sync.WaitGroup
}

// A database is one of CouchDB's, all calls of which go through the store's link.
type database struct {
	*kivik.DB
	link *store.Link
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Notifier = (*Store)(nil)
)

// Open connects to the server of a URL, couchdb://user:password@host:5984/prefix, or couchdbs:
// for TLS, and makes the databases and views that are missing. The prefix is part of the names
// of the databases: "local_" makes local_whisks, local_subjects, local_activations and local_audit.
func Open(ctx context.Context, u *url.URL) (*Store, error) {
	prefix := strings.Trim(u.Path, "/")
	if !prefixes.MatchString(prefix) {
		return nil, fmt.Errorf("%q cannot begin the name of a database: that is a small letter, then small letters, digits and any of _$()+-", prefix)
	}
	client, err := connect(u)
	if err != nil {
		return nil, err
	}
	s := &Store{client: client, link: newLink()}
	for name, db := range map[string]*database{"whisks": &s.whisks, "subjects": &s.subjects, "activations": &s.activations, "audit": &s.audit} {
		*db = database{client.DB(prefix + name), s.link}
		if err := s.prepare(ctx, prefix+name, *db, designs[name]); err != nil {
			return nil, errors.Join(s.link.Unavailable(err), client.Close())
		}
	}
	s.warming.Go(s.keepWarm)
	return s, nil
}

// prefixes are those of names that CouchDB allows.
var prefixes = regexp.MustCompile(`^([a-z][a-z0-9_$()+-]*)?$`)

// connect makes a client, which has sent nothing yet.
func connect(u *url.URL) (*kivik.Client, error) {
	address := url.URL{Scheme: map[string]string{"couchdb": "http", "couchdbs": "https"}[u.Scheme], Host: u.Host}
	if u.Port() == "" && address.Scheme == "http" {
		address.Host = net.JoinHostPort(u.Hostname(), "5984")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	options := []kivik.Option{couchdb.OptionHTTPClient(&http.Client{Transport: transport}), couchdb.OptionNoRequestCompression()}
	if password, ok := u.User.Password(); ok {
		options = append(options, couchdb.BasicAuth(u.User.Username(), password))
	}
	return kivik.New("couch", address.String(), options...)
}

// Close is that of store.Store.
func (s *Store) Close() error {
	if !s.link.Close() {
		return nil
	}
	s.warming.Wait()
	return s.client.Close() // waits for calls
}

func newLink() *store.Link { return store.NewLink(isAway, isUnsent) }

// isAway says whether an error is about the connection or the state of the server.
func isAway(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, store.ErrNotFound) || errors.Is(err, errDocument) {
		return false
	}
	switch status := kivik.HTTPStatus(err); status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	default:
		return status >= http.StatusInternalServerError // 502 is a connection's
	}
}

// isUnsent says whether the server was not reached.
func isUnsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// errDocument marks what is wrong with a document; no repetition helps.
var errDocument = errors.New("a document cannot be read")

func isStatus(err error, status int) bool { return err != nil && kivik.HTTPStatus(err) == status }

// get reads a document, or store.ErrNotFound.
func (db database) get(ctx context.Context, id string) (document, error) {
	var raw json.RawMessage
	err := db.link.Do(ctx, true, func(ctx context.Context) error { return db.Get(ctx, id).ScanDoc(&raw) })
	if isStatus(err, http.StatusNotFound) {
		return document{}, store.ErrNotFound
	}
	if err != nil {
		return document{}, err
	}
	return readDocument(raw)
}

// put writes a document, of which a revision that is there is part; store.ErrConflict when it
// has another by now.
func (db database) put(ctx context.Context, again bool, id string, doc json.RawMessage) (revision string, err error) {
	err = db.link.Do(ctx, again, func(ctx context.Context) (err error) {
		revision, err = db.Put(ctx, id, doc)
		return err
	})
	if isStatus(err, http.StatusConflict) || isStatus(err, http.StatusBadRequest) { // the latter of a revision that is none
		err = store.ErrConflict
	}
	return revision, err
}

// delete removes a document; store.ErrConflict when it has another revision, or is not there.
func (db database) delete(ctx context.Context, again bool, id, revision string) error {
	if revision == "" {
		return store.ErrConflict
	}
	err := db.link.Do(ctx, again, func(ctx context.Context) error {
		_, err := db.Delete(ctx, id, revision)
		return err
	})
	switch kivik.HTTPStatus(err) {
	case http.StatusConflict, http.StatusNotFound, http.StatusBadRequest:
		return store.ErrConflict
	}
	return err
}

// replace writes a document over whatever is there.
func (db database) replace(ctx context.Context, id string, doc any) error {
	for {
		old, err := db.get(ctx, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		_, err = db.put(ctx, true, id, withMembers(whisk.Marshal(doc), id, old.Revision))
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// remove deletes a document of any revision, or returns store.ErrNotFound.
func (db database) remove(ctx context.Context, id string) error {
	for {
		old, err := db.get(ctx, id)
		if err != nil {
			return err
		}
		if err = db.delete(ctx, true, id, old.Revision); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// A view is what a query asks: one of the views of design.go, or all documents.
type view struct {
	design, name string // none for _all_docs
	params       map[string]any
}

// A row is one of a view's.
type row struct {
	ID    string
	Value json.RawMessage
	Doc   json.RawMessage // of a query with include_docs; none of a document that is gone
}

// rows reads all rows of a view.
func (db database) rows(ctx context.Context, v view) (all []row, err error) {
	err = db.link.Do(ctx, true, func(ctx context.Context) error {
		all = all[:0]
		var set *kivik.ResultSet
		if v.design == "" {
			set = db.AllDocs(ctx, kivik.Params(v.params))
		} else {
			set = db.Query(ctx, v.design, v.name, kivik.Params(v.params))
		}
		defer set.Close()
		for set.Next() {
			var r row
			r.ID, err = set.ID()
			if err != nil { // of a key that has no document
				continue
			}
			if err := set.ScanValue(&r.Value); err != nil {
				return err
			}
			if v.params["include_docs"] == true {
				if err := set.ScanDoc(&r.Doc); err != nil && !isStatus(err, http.StatusBadRequest) {
					return err
				}
			}
			all = append(all, r)
		}
		return set.Err()
	})
	return all, err
}

// count is the reduced value of a view.
func (db database) count(ctx context.Context, v view) (n int, err error) {
	v.params["reduce"] = true
	all, err := db.rows(ctx, v)
	if err == nil && len(all) > 0 {
		err = json.Unmarshal(all[0].Value, &n)
	}
	return n, err
}

// stamps are the times of writes, in epoch microseconds: each later than the ones before, so
// that they order what this process wrote.
type stamps struct {
	mu   sync.Mutex
	last int64
}

func (s *stamps) next() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last+1, time.Now().UnixMicro())
	return s.last
}
