// Package upkeep keeps a platform from growing without end: it removes records that are old
// and code that no action has any more.
//
// It promises to hinder nobody for more than a moment, and never to remove what is in use or
// about to be. Records and Code are the two parts; each has a Run. Clock tells when the machine's clock was set.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// A RecordStore is the part of a store.Store that removing old records needs.
type RecordStore interface {
	ExpireActivations(ctx context.Context, namespace string, before time.Time) (more bool, err error)
	ExpireAudit(ctx context.Context, before time.Time) (more bool, err error)
	WalkLimits(ctx context.Context, after string, each func(namespace string, l whisk.NamespaceLimits) error) error
}

// Records removes those of a certain age.
type Records struct {
	Store RecordStore
	// Keep is how long records are kept; 0 is for ever.
	Keep time.Duration
	// KeepAudit is how long the audit log is kept; 0 is for ever.
	KeepAudit time.Duration
	// Every is how often it looks.
	Every time.Duration
	// Pause is between two parts of a removal, for others.
	Pause time.Duration
	Log   *slog.Logger
	Now   func() time.Time
}

// Run looks now and then until ctx ends.
func (r *Records) Run(ctx context.Context) error {
	return every(ctx, r.Every, func() {
		if err := r.expire(ctx); err != nil && ctx.Err() == nil {
			r.Log.Error("old records are not removed, trying again later", "error", err)
		}
	})
}

// expire removes all that is too old, by the platform's age and by those of namespaces.
func (r *Records) expire(ctx context.Context) error {
	now := r.Now()
	if r.Keep > 0 {
		if err := r.activations(ctx, "", now.Add(-r.Keep)); err != nil {
			return err
		}
	}
	if r.KeepAudit > 0 {
		err := r.parts(ctx, func() (bool, error) { return r.Store.ExpireAudit(ctx, now.Add(-r.KeepAudit)) })
		if err != nil {
			return err
		}
	}
	return r.Store.WalkLimits(ctx, "", func(namespace string, l whisk.NamespaceLimits) error {
		if l.KeepRecords == nil {
			return nil
		}
		keep, err := time.ParseDuration(*l.KeepRecords)
		if err != nil || keep <= 0 {
			r.Log.Warn("a namespace's limit keepRecords is no duration", "namespace", namespace, "value", *l.KeepRecords)
			return nil
		}
		return r.activations(ctx, namespace, now.Add(-keep))
	})
}

func (r *Records) activations(ctx context.Context, namespace string, before time.Time) error {
	return r.parts(ctx, func() (bool, error) { return r.Store.ExpireActivations(ctx, namespace, before) })
}

// parts removes part after part until there is nothing left to remove.
func (r *Records) parts(ctx context.Context, remove func() (more bool, err error)) error {
	for {
		more, err := remove()
		if err != nil || !more {
			return err
		}
		if !sleep(ctx, r.Pause) {
			return ctx.Err()
		}
	}
}

// Code removes attachments that no action has.
type Code struct {
	Store       store.Walker
	Attachments store.Collector
	// Grace is how long code must have been unused, and not put: calls may be under way that were
	// accepted while an action had it.
	Grace time.Duration
	// Every is how often it looks.
	Every time.Duration
	Log   *slog.Logger
	Now   func() time.Time

	unused map[string]time.Time // since when, by sum
}

// Run looks now and then until ctx ends.
func (c *Code) Run(ctx context.Context) error {
	return every(ctx, c.Every, func() {
		removed, err := c.Collect(ctx)
		if err != nil && ctx.Err() == nil {
			c.Log.Error("unused code is not removed, trying again later", "error", err)
		}
		if removed > 0 {
			c.Log.Info("unused code removed", "count", removed)
		}
	})
}

// Collect looks once, and returns how many attachments it removed: those that it also saw unused a
// Grace ago.
func (c *Code) Collect(ctx context.Context) (removed int, err error) {
	sums, err := c.Attachments.Sums(ctx)
	if err != nil {
		return 0, fmt.Errorf("list code: %w", err)
	}
	used := map[string]bool{}
	err = c.Store.WalkEntities(ctx, "", func(e whisk.Entity) error {
		if a, ok := e.(*whisk.Action); ok && a.Exec.Attachment != nil {
			used[a.Exec.Attachment.SHA256] = true
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("list actions: %w", err)
	}
	now := c.Now()
	unused := map[string]time.Time{}
	for _, sum := range sums {
		if used[sum] {
			continue
		}
		since, known := c.unused[sum]
		if !known {
			since = now
		}
		if now.Sub(since) < c.Grace {
			unused[sum] = since
			continue
		}
		gone, problem := c.Attachments.Remove(ctx, sum, now.Add(-c.Grace))
		if problem != nil {
			err = errors.Join(err, fmt.Errorf("remove %s: %w", sum, problem))
		}
		if gone {
			removed++
		}
	}
	c.unused = unused
	return removed, err
}

// every calls do, and again after each period, until ctx ends.
func every(ctx context.Context, period time.Duration, do func()) error {
	for {
		do()
		if !sleep(ctx, period) {
			return nil
		}
	}
}

// sleep waits, and says whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
