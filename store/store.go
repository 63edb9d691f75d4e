// Package store keeps what must outlive the process: entities, code, subjects,
// activation records, and the journal of accepted work.
//
// A Store promises that what a method confirmed survives the loss of the
// process, that a reader sees every write confirmed before it began, and that
// of two writers of one revision exactly one wins. What every implementation
// must do is written twice: in the comments here, for people, and in package
// storetest, for machines.
package store

import (
	"context"
	"errors"
	"time"

	"quirl/whisk"
)

var (
	// ErrNotFound says that there is nothing under that key.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the entity exists already or has another revision by now.
	ErrConflict = errors.New("revision conflict")
	// ErrUnavailable says that the database cannot be reached, or takes no calls. A call that
	// changes something may or may not have done so.
	ErrUnavailable = errors.New("the store is not available")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store closed")
)

// A Store is the sum of what one database offers. Attachments are apart, since
// bytes in bulk usually live elsewhere.
// All methods may be called from many goroutines at once.
type Store interface {
	Entities
	Subjects
	Activations
	Journal
	Audit
	Walker

	// Close waits for running calls and releases the database.
	Close() error
}

// A Notifier is a Store that other processes write to, too, and that tells of it.
type Notifier interface {
	// Changes calls changed with the id of each entity that was written or deleted, whoever
	// did so, soon after; and with no id when some may have been missed, which is also
	// at its beginning. It returns when ctx ends.
	Changes(ctx context.Context, changed func(id string)) error
}

// NotifierOf is the Notifier that s is, or that is behind it.
func NotifierOf(s Store) (n Notifier, ok bool) {
	for s != nil {
		if n, ok = s.(Notifier); ok {
			return n, true
		}
		wrapper, ok := s.(interface{ Unwrap() Store })
		if !ok {
			break
		}
		s = wrapper.Unwrap()
	}
	return nil, false
}

// A Walker hands out all that a store has besides Subjects and Entries, for copies and
// operators: in pages, so that it can go on for long. Each walk is in the order of the ids, and
// leads past what after says; it ends with the error of each.
type Walker interface {
	// WalkEntities calls each for the entities of all namespaces.
	WalkEntities(ctx context.Context, after string, each func(whisk.Entity) error) error

	// WalkLimits calls each for the namespaces that have limits of their own.
	WalkLimits(ctx context.Context, after string, each func(namespace string, l whisk.NamespaceLimits) error) error

	// WalkActivations calls each for the whole records of all namespaces.
	WalkActivations(ctx context.Context, after whisk.ActivationID, each func(*whisk.Activation) error) error

	// WalkAudit calls each for the entries of the audit log.
	WalkAudit(ctx context.Context, after string, each func(AuditEntry) error) error
}

// Entities keeps actions, packages, triggers and rules under one key space, the
// ID of their full name ("ns/[pkg/]name").
type Entities interface {
	// Entity returns the entity under id, whatever its collection, or ErrNotFound.
	// The caller must not change it.
	Entity(ctx context.Context, id string) (whisk.Entity, error)

	// PutEntity writes e and returns its new revision. The revision in e must be
	// the stored one, empty when there must be none; else ErrConflict. It does not keep e.
	PutEntity(ctx context.Context, e whisk.Entity) (revision string, err error)

	// DeleteEntity removes the entity under id if it still has that revision, else ErrConflict.
	DeleteEntity(ctx context.Context, id, revision string) error

	// ListEntities returns the matching entities, the last updated first.
	ListEntities(ctx context.Context, q EntityQuery) ([]whisk.Entity, error)

	// CountEntities counts the matching entities; Skip and Limit do not matter.
	CountEntities(ctx context.Context, q EntityQuery) (int, error)
}

// An EntityQuery selects entities of one collection.
type EntityQuery struct {
	Collection whisk.Collection
	// Path is a namespace, which includes its packages' actions, or "ns/pkg" for that package's alone.
	Path whisk.Path
	// Shared keeps only published packages that are no bindings.
	Shared bool
	// Skip and Limit cut the list; Limit 0 is no limit.
	Skip, Limit int
}

// Subjects keeps who may use the platform.
type Subjects interface {
	// Identity finds the identity that key's UUID belongs to; its Key holds the
	// true secret, for the caller to compare. ErrNotFound also for blocked subjects.
	Identity(ctx context.Context, uuid string) (*whisk.Identity, error)

	// NamespaceIdentity finds the identity of a namespace's first owner, in the order
	// of the subjects' names, that is not blocked; ErrNotFound when there is none.
	NamespaceIdentity(ctx context.Context, namespace string) (*whisk.Identity, error)

	// Subject returns a subject by its name, blocked or not.
	Subject(ctx context.Context, name string) (*whisk.Subject, error)

	// Subjects returns all subjects, blocked or not, by their names.
	Subjects(ctx context.Context) ([]whisk.Subject, error)

	// PutSubject writes a subject in place of the one with that name.
	PutSubject(ctx context.Context, s whisk.Subject) error

	// DeleteSubject removes a subject and its keys, or returns ErrNotFound.
	DeleteSubject(ctx context.Context, name string) error

	// NamespaceLimits returns a namespace's own limits, or ErrNotFound when it has none.
	NamespaceLimits(ctx context.Context, namespace string) (*whisk.NamespaceLimits, error)

	// PutNamespaceLimits writes a namespace's own limits in place of earlier ones.
	PutNamespaceLimits(ctx context.Context, namespace string, l whisk.NamespaceLimits) error

	// DeleteNamespaceLimits removes a namespace's own limits, or returns ErrNotFound.
	DeleteNamespaceLimits(ctx context.Context, namespace string) error
}

// Activations keeps the records of what ran.
type Activations interface {
	// PutActivations writes records, each of an id that has none yet, and takes
	// their ids out of the journal, all at once or not at all. The number of
	// records refused because their id has a record already is returned; such a
	// refusal is no error and hinders no other record.
	PutActivations(ctx context.Context, records []Record) (refused int, err error)

	// Activation returns the record of a namespace and id, or ErrNotFound.
	Activation(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error)

	// ListActivations returns the matching records, the last started first.
	// Without q.Full they lack logs and results.
	ListActivations(ctx context.Context, q ActivationQuery) ([]*whisk.Activation, error)

	// CountActivations counts the matching records; Skip and Limit do not matter.
	CountActivations(ctx context.Context, q ActivationQuery) (int, error)

	// ExpireActivations removes records that started before a time: those of a namespace, or
	// with none those of all. It does a part that hinders others for a moment only, and
	// says whether there is more to do. Without a namespace it may leave records of less than a day.
	ExpireActivations(ctx context.Context, namespace string, before time.Time) (more bool, err error)
}

// A Record is an activation to be written.
type Record struct {
	*whisk.Activation
	// Discard says that no record is wanted; its id only leaves the journal.
	Discard bool
	// Unjournaled says that the id was never in the journal, which then need not be asked.
	Unjournaled bool
}

// An ActivationQuery selects records of one namespace.
type ActivationQuery struct {
	Namespace string
	// Name keeps the records of that filter name (see whisk.Activation.FilterName); empty keeps all.
	Name string
	// Since and Upto bound the start, inclusively, in epoch milliseconds; 0 is no bound.
	Since, Upto int64
	// Full asks for whole records.
	Full bool
	// Skip and Limit cut the list; Limit 0 is no limit.
	Skip, Limit int
}

// A Journal remembers accepted work until it has a record, so that what was
// answered 202 survives the loss of the process.
type Journal interface {
	// Accept writes entries, all or none; when it returns they are safe. One whose
	// id has an entry already replaces its message; owner and taker stay as they were.
	Accept(ctx context.Context, entries ...JournalEntry) error

	// Take marks the entry of id as taken by an invoker, before its function starts. It returns
	// false when there is no such entry or when it was taken before, whoever did it: then the
	// function must not be started.
	Take(ctx context.Context, id whisk.ActivationID, taker string) (bool, error)

	// Drop removes the entry of id, if there is one.
	Drop(ctx context.Context, id whisk.ActivationID) error

	// Entries returns the entries that a query is for, in the order in which they were first accepted.
	Entries(ctx context.Context, q JournalQuery) ([]JournalEntry, error)
}

// A JournalQuery says which entries are wanted; empty fields are for all.
type JournalQuery struct{ Owner, Taker string }

// Matches says whether an entry is wanted.
func (q JournalQuery) Matches(e JournalEntry) bool {
	return (q.Owner == "" || q.Owner == e.Owner) && (q.Taker == "" || q.Taker == e.Taker)
}

// A JournalEntry is one accepted activation.
type JournalEntry struct {
	ID      whisk.ActivationID
	Message []byte // the activation message, encoded
	// Owner is the controller that accepted it ("controller0"), and goes on with it after a restart.
	Owner string
	// Taker is the invoker that has begun with it ("invoker0"), empty while none has.
	Taker string
}

// Attachments keeps code by the SHA-256 of its bytes.
// All methods may be called from many goroutines at once.
type Attachments interface {
	// PutAttachment keeps data and returns its lower-case hex SHA-256. Equal data is kept once.
	PutAttachment(ctx context.Context, data []byte) (sha256 string, err error)

	// Attachment returns the bytes, or ErrNotFound. Bytes that do not have that
	// sum any more are an error, never returned.
	Attachment(ctx context.Context, sha256 string) ([]byte, error)
}

// A Collector is Attachments whose unused ones can be removed.
type Collector interface {
	// Sums returns the sums of all attachments.
	Sums(ctx context.Context) ([]string, error)

	// Remove removes an attachment, unless it was put, also as one that was there, after
	// the time: then somebody is about to use it. It says whether it did.
	Remove(ctx context.Context, sha256 string, unlessPutAfter time.Time) (bool, error)
}
