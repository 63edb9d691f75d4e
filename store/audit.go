package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"quirl/whisk"
)

// An Audit keeps who changed what.
type Audit interface {
	// PutAudit keeps an entry; when its id has one already, that one stays.
	PutAudit(ctx context.Context, e AuditEntry) error

	// ListAudit returns the matching entries, the last ones first.
	ListAudit(ctx context.Context, q AuditQuery) ([]AuditEntry, error)

	// ExpireAudit removes entries from before a time: a part that hinders others for a moment
	// only, and says whether there is more to do.
	ExpireAudit(ctx context.Context, before time.Time) (more bool, err error)
}

// An AuditEntry is one change, or the attempt at one.
type AuditEntry struct {
	// ID has the time in it: a UUID of version 7, as activations have. Make one with NewAuditEntry.
	ID whisk.ActivationID `json:"id"`
	// Actor is a subject, or an operator as OPERATOR@HOST; Key is the id of the key that was used.
	Actor string `json:"actor"`
	Key   string `json:"key,omitempty"`
	// Namespace is the one in which something was changed; none for what belongs to no namespace.
	Namespace string `json:"namespace,omitempty"`
	// Action is an HTTP method, or an operator's command.
	Action string `json:"action"`
	// Target is collection/[package/]name, or what a command was given.
	Target string `json:"target,omitempty"`
	// Status is that of HTTP; of a command that succeeded it is 0.
	Status int `json:"status,omitempty"`
	// From is the address that it came from, TID the request's transaction.
	From string `json:"from,omitempty"`
	TID  string `json:"tid,omitempty"`
}

// NewAuditEntry makes an entry of a moment.
func NewAuditEntry(now time.Time) AuditEntry { return AuditEntry{ID: whisk.NewActivationID(now)} }

// Time is when it happened, to the millisecond.
func (e *AuditEntry) Time() time.Time {
	var millis int64
	if len(e.ID) >= 12 {
		_, _ = fmt.Sscanf(string(e.ID[:12]), "%x", &millis) // else it is the beginning of time
	}
	return time.UnixMilli(millis).UTC()
}

// AuditBound is where entries of a time and later ones begin in the order of the ids.
func AuditBound(t time.Time) string { return fmt.Sprintf("%012x", max(0, t.UnixMilli())) }

// An AuditQuery selects entries.
type AuditQuery struct {
	// Namespace keeps those of a namespace; empty keeps all.
	Namespace string
	// Since and Until bound the time, the latter exclusively; the zero time is no bound.
	Since, Until time.Time
	// Limit cuts the list; 0 is no limit.
	Limit int
}

// Bounds are the least id, and the first that is too great; the latter is empty when there is none.
func (q AuditQuery) Bounds() (from, to string) {
	if !q.Since.IsZero() {
		from = AuditBound(q.Since)
	}
	if !q.Until.IsZero() {
		to = AuditBound(q.Until)
	}
	return from, to
}

// DecodeAudit reads an entry's document, which is its JSON.
func DecodeAudit(document []byte) (e AuditEntry, err error) {
	if err = json.Unmarshal(document, &e); err != nil {
		err = fmt.Errorf("audit entry: %w", err)
	}
	return e, err
}
