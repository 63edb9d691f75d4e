package couchstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-kivik/kivik/v4"

	"quirl/store"
	"quirl/whisk"
)

// A design is the views of one design document. Those that OpenWhisk has too have its names,
// and its keys begin ours.
type design struct {
	name  string
	views map[string]string // the map functions by the names of the views
}

const (
	whisksDesign   = "whisks.v2.1.0"
	filtersDesign  = "whisks-filters.v2.1.1"
	subjectsDesign = "subjects.v2.0.0"
	cleanupDesign  = "activations"
)

// designs are those of each database. Lists are of a path, the last updated first; what was
// updated in one millisecond is in the order in which it was written.
var designs = map[string][]design{
	"whisks": {{whisksDesign, map[string]string{
		"actions": `function (doc) {
  if (doc.entityType !== 'action') return;
  emit([doc.namespace, doc.updated, doc.written], null);
  var slash = doc.namespace.indexOf('/');
  if (slash > 0) emit([doc.namespace.substring(0, slash), doc.updated, doc.written], null);
}`,
		"packages": `function (doc) {
  if (doc.entityType === 'package') emit([doc.namespace, doc.updated, doc.written], null);
}`,
		"packages-public": `function (doc) {
  if (doc.entityType === 'package' && doc.publish && !doc.binding) emit([doc.namespace, doc.updated, doc.written], null);
}`,
		"rules": `function (doc) {
  if (doc.entityType === 'rule') emit([doc.namespace, doc.updated, doc.written], null);
}`,
		"triggers": `function (doc) {
  if (doc.entityType === 'trigger') emit([doc.namespace, doc.updated, doc.written], null);
}`,
	}}},
	"subjects": {{subjectsDesign, map[string]string{
		"identities": `function (doc) {
  if (!doc.subject || !doc.namespaces || doc.blocked) return;
  doc.namespaces.forEach(function (n) {
    var v = { _id: n.name + '/limits', namespace: n.name, uuid: n.uuid, key: n.key, subject: doc.subject, keys: n.keys };
    emit([n.name], v);
    emit([n.uuid, n.key], v);
    (n.keys || []).forEach(function (k) { emit([k.uuid, k.key], v); });
  });
}`,
	}}, {"namespaceThrottlings", map[string]string{
		"blockedNamespaces": `function (doc) {
  var at = doc._id.lastIndexOf('/limits');
  if (at > 0 && at === doc._id.length - 7 && (doc.concurrentInvocations === 0 || doc.invocationsPerMinute === 0)) emit(doc._id.substring(0, at), null);
  if (doc.subject && doc.namespaces && doc.blocked) doc.namespaces.forEach(function (n) { emit(n.name, null); });
}`,
	}}},
	"activations": {{whisksDesign, map[string]string{
		"activations": `function (doc) {
  if (doc.entityType === 'activation') emit([doc.namespace, doc.start, doc.activationId], (` + brief + `)(doc));
}`,
		"accepted": `function (doc) {
  if (doc.entityType === 'accepted') emit([doc.accepted, doc._id], null);
}`,
	}}, {filtersDesign, map[string]string{
		"activations": `function (doc) {
  if (doc.entityType === 'activation') emit([doc.namespace + '/' + doc.filter, doc.start, doc.activationId], (` + brief + `)(doc));
}`,
	}}, {cleanupDesign, map[string]string{
		"byDate": `function (doc) {
  if (doc.entityType === 'activation') emit(doc.start, { _rev: doc._rev });
}`,
	}}},
	"audit": {{auditDesign, map[string]string{
		"byNamespace": `function (doc) { emit([doc.namespace, doc._id], null); }`,
	}}},
}

// brief is a record without its logs and result.
const brief = `function (doc) {
    var v = {}, r = {};
    for (var k in doc) if (k !== 'logs' && k !== 'response' && k !== 'exact' && k !== '_attachments') v[k] = doc[k];
    for (var m in doc.response) if (m !== 'result') r[m] = doc.response[m];
    v.response = r;
    if (doc.exact && doc.exact.document) v.exact = { document: doc.exact.document };
    return v;
  }`

// designDocument is one as it is stored.
type designDocument struct {
	Language string                `json:"language"`
	Quirl    bool                  `json:"quirl"` // ours, and not OpenWhisk's of the same name
	Views    map[string]viewSource `json:"views"`
}

type viewSource struct {
	Map    string `json:"map"`
	Reduce string `json:"reduce"`
}

// ErrForeign says that a database belongs to another system.
var ErrForeign = errors.New("the databases of that prefix are of OpenWhisk: choose another prefix, and bring over what is there with quirl admin db import")

// prepare makes a database and its views, or brings these up to date.
func (s *Store) prepare(ctx context.Context, name string, db database, designs []design) error {
	err := s.link.Do(ctx, true, func(ctx context.Context) error { return s.client.CreateDB(ctx, name) })
	if err != nil && !isStatus(err, http.StatusPreconditionFailed) { // it is there
		return fmt.Errorf("make the database %s: %w", name, err)
	}
	for _, d := range designs {
		id := "_design/" + d.name
		want := designDocument{Language: "javascript", Quirl: true, Views: map[string]viewSource{}}
		for view, source := range d.views {
			want.Views[view] = viewSource{source, "_count"}
		}
		for {
			old, err := db.get(ctx, id)
			var is designDocument
			switch {
			case errors.Is(err, store.ErrNotFound):
			case err != nil:
				return err
			default:
				if err := json.Unmarshal(old.raw, &is); err != nil || !is.Quirl {
					return ErrForeign
				}
			}
			if bytes.Equal(whisk.Marshal(is), whisk.Marshal(want)) {
				break
			}
			_, err = db.put(ctx, true, id, withMembers(whisk.Marshal(want), id, old.Revision))
			if err == nil {
				break
			}
			if !errors.Is(err, store.ErrConflict) { // another process makes it
				return fmt.Errorf("make the views of %s: %w", name, err)
			}
		}
	}
	return nil
}

// warmEvery is how often views that nobody asks are brought up to date.
const warmEvery = time.Minute

// keepWarm has CouchDB index in the background what was written: a view is brought up to date by
// who asks it, who would have to wait for all that happened since it was asked before.
func (s *Store) keepWarm() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tick := time.NewTicker(warmEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.link.Closing():
			return
		case <-tick.C:
		}
		for _, d := range designs["activations"] {
			for name := range d.views {
				set := s.activations.Query(ctx, d.name, name, kivik.Params(map[string]any{"limit": 0, "reduce": false, "update": "lazy", "stale": "update_after"}))
				set.Next()
				_ = set.Close() // whoever asks is told what is wrong
				break           // the others of a design document go with it
			}
		}
	}
}
