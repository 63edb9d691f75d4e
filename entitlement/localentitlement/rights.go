package localentitlement

import (
	"context"
	"errors"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// Authorize is that of entitlement.Entitlement. The matrix is OpenWhisk's
// implicit rights: a caller owns the namespace that its key opens; everybody
// may read and invoke what is in a published package.
func (e *Entitlement) Authorize(ctx context.Context, caller *whisk.Identity, right entitlement.Right, r entitlement.Resource) error {
	owner := r.Path.Root() == caller.Namespace
	switch {
	case r.Collection == whisk.Packages && r.Name == "":
		return nil // the list shows strangers the published ones only
	case r.Collection == whisk.Packages && right == entitlement.Read:
		return e.readPackage(ctx, caller, whisk.FullName{Path: r.Path, Name: r.Name})
	case r.Collection == whisk.Actions && r.Path.Package() != "" && (right == entitlement.Read || right == entitlement.Activate):
		return e.readPackage(ctx, caller, whisk.FullName{Path: whisk.Path(r.Path.Root()), Name: r.Path.Package()})
	case owner:
		return nil
	}
	return forbidden(r.ID())
}

// readPackage decides who may read a package and use what is in it. A package
// that does not exist is told to its owner alone. A binding is its owner's, and
// needs a package behind it that the owner may read too.
func (e *Entitlement) readPackage(ctx context.Context, caller *whisk.Identity, name whisk.FullName) error {
	owner := name.Path.Root() == caller.Namespace
	entity, err := e.entities.Entity(ctx, name.ID())
	switch {
	case errors.Is(err, store.ErrNotFound) && owner:
		return missing(name.ID())
	case errors.Is(err, store.ErrNotFound):
		return forbidden(name.ID())
	case err != nil:
		return err
	}
	pkg, ok := entity.(*whisk.Package)
	switch {
	case !ok && owner:
		return whisk.Errorf(whisk.Conflict, "Resource by this name exists but is not in this collection.")
	case !ok:
		return forbidden(name.ID())
	case pkg.Binding == nil && (owner || pkg.Publish):
		return nil
	case pkg.Binding == nil || !owner:
		return forbidden(name.ID())
	}
	return e.readProvider(ctx, caller, name, pkg.Binding)
}

func (e *Entitlement) readProvider(ctx context.Context, caller *whisk.Identity, binding whisk.FullName, to *whisk.Binding) error {
	if to.FullName() == binding {
		return whisk.Errorf(whisk.BadRequest, "Package binding '%s' contains a circular reference.", binding.ID())
	}
	entity, err := e.entities.Entity(ctx, to.FullName().ID())
	if errors.Is(err, store.ErrNotFound) {
		return missing(binding.ID())
	}
	if err != nil {
		return err
	}
	provider, ok := entity.(*whisk.Package)
	if ok && provider.Binding == nil && (provider.Publish || to.Namespace == caller.Namespace) {
		return nil
	}
	return forbidden(binding.ID())
}

func missing(id string) error {
	return whisk.Errorf(whisk.NotFound, "The requested resource '%s' does not exist.", id)
}

func forbidden(id string) error {
	return whisk.Errorf(whisk.Forbidden, "The supplied authentication is not authorized to access '%s'.", id)
}
