package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// Counts say how much of each sort was copied, and how much of that was there already.
type Counts struct {
	Subjects, Limits, Entities, Activations, Entries, Audit int
	Present                                                 int
}

func (c Counts) String() string {
	return fmt.Sprintf("%d subjects, %d limits, %d entities, %d activations, %d journal entries, %d audit entries; %d of them were there already",
		c.Subjects, c.Limits, c.Entities, c.Activations, c.Entries, c.Audit, c.Present)
}

// progressEvery is how often a copy tells how far it is.
const progressEvery = 2 * time.Second

// Copy copies all that a source has, such as a store, to a store, where it is added to what is there and
// replaces what has the same names. What was copied before is not written again: a copy that
// was cut off is repeated. Documents are kept to the byte; revisions are the store's own.
// While it works nothing should write to either of them.
func Copy(ctx context.Context, from Source, to store.Store, progress func(Counts)) (Counts, error) {
	c := &copier{from: from, to: to, progress: progress, told: time.Now()}
	for _, part := range []func(context.Context) error{c.subjects, c.limits, c.entities, c.activations, c.journal, c.audit} {
		if err := part(ctx); err != nil {
			return c.counts, err
		}
	}
	return c.counts, nil
}

type copier struct {
	from     Source
	to       store.Store
	counts   Counts
	progress func(Counts)
	told     time.Time
}

// done counts one that was copied, or was there.
func (c *copier) done(what *int, present bool) {
	*what++
	if present {
		c.counts.Present++
	}
	if time.Since(c.told) >= progressEvery {
		c.told = time.Now()
		c.progress(c.counts)
	}
}

func (c *copier) subjects(ctx context.Context) error {
	subjects, err := c.from.Subjects(ctx)
	if err != nil {
		return fmt.Errorf("read subjects: %w", err)
	}
	for _, s := range subjects {
		have, err := c.to.Subject(ctx, s.Name)
		present := err == nil && bytes.Equal(whisk.Marshal(have), whisk.Marshal(s))
		if err == nil || errors.Is(err, store.ErrNotFound) {
			err = nil
			if !present {
				err = c.to.PutSubject(ctx, s)
			}
		}
		if err != nil {
			return fmt.Errorf("subject %s: %w", s.Name, err)
		}
		c.done(&c.counts.Subjects, present)
	}
	return nil
}

func (c *copier) limits(ctx context.Context) error {
	return c.from.WalkLimits(ctx, "", func(namespace string, l whisk.NamespaceLimits) error {
		if err := c.to.PutNamespaceLimits(ctx, namespace, l); err != nil {
			return fmt.Errorf("limits of %s: %w", namespace, err)
		}
		c.done(&c.counts.Limits, false)
		return nil
	})
}

func (c *copier) entities(ctx context.Context) error {
	return c.from.WalkEntities(ctx, "", func(e whisk.Entity) error {
		id := e.FullName().ID()
		have, err := c.to.Entity(ctx, id)
		e.Common().Revision = ""
		switch {
		case err == nil:
			if bytes.Equal(whisk.EncodeEntity(have), whisk.EncodeEntity(e)) && have.Collection() == e.Collection() {
				c.done(&c.counts.Entities, true)
				return nil
			}
			if e.Common().Revision = have.Common().Revision; have.Collection() != e.Collection() {
				err = c.to.DeleteEntity(ctx, id, have.Common().Revision)
				e.Common().Revision = ""
			}
		case errors.Is(err, store.ErrNotFound):
			err = nil
		}
		if err == nil {
			_, err = c.to.PutEntity(ctx, e)
		}
		if err != nil {
			return fmt.Errorf("entity %s: %w", id, err)
		}
		c.done(&c.counts.Entities, false)
		return nil
	})
}

func (c *copier) activations(ctx context.Context) error {
	batch := make([]store.Record, 0, store.WalkPage)
	flush := func() error {
		refused, err := c.to.PutActivations(ctx, batch)
		if err != nil {
			return fmt.Errorf("%d activations up to %s: %w", len(batch), batch[len(batch)-1].ID, err)
		}
		for i := range batch {
			c.done(&c.counts.Activations, i < refused)
		}
		batch = batch[:0]
		return nil
	}
	err := c.from.WalkActivations(ctx, "", func(a *whisk.Activation) error {
		batch = append(batch, store.Record{Activation: a, Unjournaled: true})
		if len(batch) < cap(batch) {
			return nil
		}
		return flush()
	})
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	return err
}

// journal copies what was accepted and has no record; what was taken stays taken.
func (c *copier) journal(ctx context.Context) error {
	entries, err := c.from.Entries(ctx, store.JournalQuery{})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	for _, e := range entries {
		if err := c.to.Accept(ctx, e); err != nil {
			return fmt.Errorf("journal entry %s: %w", e.ID, err)
		}
		c.done(&c.counts.Entries, false)
	}
	return nil
}

func (c *copier) audit(ctx context.Context) error {
	return c.from.WalkAudit(ctx, "", func(e store.AuditEntry) error {
		if err := c.to.PutAudit(ctx, e); err != nil {
			return fmt.Errorf("audit entry %s: %w", e.ID, err)
		}
		c.done(&c.counts.Audit, false)
		return nil
	})
}

// Differences compares two stores and returns what is not the same in both, in a few words
// each, such as "entity guest/hello", sorted.
func Differences(ctx context.Context, one, other store.Store) ([]string, error) {
	first, second := digests{}, digests{}
	if err := errors.Join(first.read(ctx, one), second.read(ctx, other)); err != nil {
		return nil, err
	}
	var different []string
	for key, sum := range first {
		if second[key] != sum {
			different = append(different, key)
		}
	}
	for key := range second {
		if _, known := first[key]; !known {
			different = append(different, key)
		}
	}
	slices.Sort(different)
	return different, nil
}

// digests are the sums of all that a store has.
type digests map[string][sha256.Size]byte

func (d digests) add(key string, documents ...any) {
	d[key] = sha256.Sum256(fmt.Append(nil, documents...))
}

func (d digests) read(ctx context.Context, s store.Store) error {
	subjects, err := s.Subjects(ctx)
	if err != nil {
		return err
	}
	for _, subject := range subjects {
		d.add("subject "+subject.Name, whisk.Marshal(subject))
	}
	entries, err := s.Entries(ctx, store.JournalQuery{})
	if err != nil {
		return err
	}
	for _, e := range entries {
		d.add("journal entry "+string(e.ID), e.Owner, e.Taker, e.Message)
	}
	return errors.Join(
		s.WalkLimits(ctx, "", func(namespace string, l whisk.NamespaceLimits) error {
			d.add("limits of "+namespace, whisk.Marshal(l))
			return nil
		}),
		s.WalkEntities(ctx, "", func(e whisk.Entity) error {
			e.Common().Revision = ""
			d.add("entity "+e.FullName().ID(), e.Collection(), whisk.EncodeEntity(e))
			return nil
		}),
		s.WalkActivations(ctx, "", func(a *whisk.Activation) error {
			d.add("activation "+string(a.ID), a.Namespace, whisk.EncodeActivation(a))
			return nil
		}),
		s.WalkAudit(ctx, "", func(e store.AuditEntry) error {
			d.add("audit entry "+string(e.ID), whisk.Marshal(e))
			return nil
		}),
	)
}
