package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// Config is where a catalog goes.
type Config struct {
	Store interface {
		store.Entities
		store.Subjects
	}
	Attachments store.Attachments
	Kinds       Kinds
	// Limits are those of the catalog's functions.
	Limits whisk.ActionLimits
	Now    func() time.Time
}

// Kinds are the runtimes on offer.
type Kinds interface {
	// ResolveKind returns the kind that a user's kind means, e.g. nodejs:20 for
	// nodejs:default; false when there is no such kind.
	ResolveKind(kind string) (resolved string, ok bool)
}

// Install brings the catalog into a store, and the subject that owns it. What
// is there already as it should be is left alone, so a second call writes
// nothing; what differs from the catalog gets a new version. Everything else in
// the namespace is its operator's and is kept.
//
// One function that cannot be installed does not keep the others out; the error
// tells of all.
func Install(ctx context.Context, cfg Config) error {
	i := installer{Config: cfg, missing: make(map[string][]string)}
	i.note(i.createOwner(ctx))
	for _, p := range Packages() {
		// All at once: the store then writes all with a few commits.
		i.running.Go(func() { i.installPackage(ctx, p) })
	}
	i.running.Wait()
	for _, kind := range slices.Sorted(maps.Keys(i.missing)) {
		slices.Sort(i.missing[kind])
		i.note(fmt.Errorf("this machine has no %s for %s", kind, strings.Join(i.missing[kind], ", ")))
	}
	return errors.Join(i.errs...)
}

type installer struct {
	Config
	running sync.WaitGroup

	mu      sync.Mutex
	errs    []error
	missing map[string][]string // the functions that lack a kind
}

func (i *installer) note(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil {
		i.errs = append(i.errs, err)
	}
}

// createOwner makes the subject whose namespace the catalog is in. Nobody knows
// its key: an operator may give it another one.
func (i *installer) createOwner(ctx context.Context) error {
	_, err := i.Store.Subject(ctx, Namespace)
	if errors.Is(err, store.ErrNotFound) {
		_, err = i.Store.NamespaceIdentity(ctx, Namespace)
	}
	if errors.Is(err, store.ErrNotFound) {
		err = i.Store.PutSubject(ctx, whisk.Subject{
			Name: Namespace, Namespaces: []whisk.SubjectNamespace{{Name: Namespace, Key: whisk.NewKey()}},
		})
	}
	if err != nil {
		return fmt.Errorf("subject %s: %w", Namespace, err)
	}
	return nil
}

func (i *installer) installPackage(ctx context.Context, p Package) {
	err := i.put(ctx, &whisk.Package{Meta: whisk.Meta{Namespace: Namespace, Name: p.Name, Publish: true, Annotations: p.Annotations}})
	if err != nil {
		i.note(err)
		return
	}
	for _, a := range p.Actions {
		i.running.Go(func() { i.note(i.installAction(ctx, p.Name, a)) })
	}
}

func (i *installer) installAction(ctx context.Context, pkg string, a Action) error {
	kind, ok := i.Kinds.ResolveKind(a.Kind)
	if !ok {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.missing[a.Kind] = append(i.missing[a.Kind], pkg+"/"+a.Name)
		return nil
	}
	sum, err := i.Attachments.PutAttachment(ctx, []byte(a.Code))
	if err != nil {
		return err
	}
	// The annotations of every action of the API, see package api.
	if !a.Annotations.Has("provide-api-key") {
		a.Annotations = a.Annotations.WithValue("provide-api-key", false)
	}
	return i.put(ctx, &whisk.Action{
		Meta:   whisk.Meta{Namespace: whisk.Path(Namespace).Join(pkg), Name: a.Name, Annotations: a.Annotations.WithValue("exec", kind)},
		Exec:   whisk.Exec{Kind: kind, Attachment: &whisk.Attachment{SHA256: sum, Size: int64(len(a.Code))}},
		Limits: i.Limits,
	})
}

// put stores an entity unless it is there already, whatever its version and age. Others may install the
// same at the same time.
func (i *installer) put(ctx context.Context, e whisk.Entity) error {
	for {
		err := i.putOnce(ctx, e)
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}

func (i *installer) putOnce(ctx context.Context, e whisk.Entity) error {
	id, meta := e.FullName().ID(), e.Common()
	stored, err := i.Store.Entity(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		meta.Version, meta.Revision = whisk.FirstVersion(), ""
	case err != nil:
		return fmt.Errorf("%s: %w", id, err)
	case stored.Collection() != e.Collection():
		return fmt.Errorf("%s: the name is taken by one of the %s", id, stored.Collection())
	default:
		old := stored.Common()
		meta.Version, meta.Updated, meta.Revision = old.Version, old.Updated, old.Revision
		if bytes.Equal(whisk.EncodeEntity(stored), whisk.EncodeEntity(e)) {
			return nil
		}
		meta.Version = old.Version.Next()
	}
	meta.Touch(i.Now())
	if _, err := i.Store.PutEntity(ctx, e); err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	return nil
}
