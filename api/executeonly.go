package api

import (
	"context"

	"quirl/store"
	"quirl/whisk"
)

// With ExecuteOnly what is in a shared package can be invoked, and its code is
// its owner's alone. The texts are OpenWhisk's.

func notShown(format string, args ...any) error {
	return whisk.Errorf(whisk.Forbidden, "GET not permitted "+format, args...)
}

// mayShowAction says whether the caller may see an action by that name.
func (a *API) mayShowAction(ctx context.Context, caller *whisk.Identity, name whisk.FullName) error {
	switch {
	case !a.ExecuteOnly:
		return nil
	case name.Path.Root() != caller.Namespace:
		return notShown("for '%s' since it's an action in a shared package", name.ID())
	case name.Path.Package() == "":
		return nil
	}
	pkg, err := store.Get[*whisk.Package](ctx, a.Entities, string(name.Path))
	if err != nil {
		return err
	}
	if pkg.Binding != nil && pkg.Binding.Namespace != caller.Namespace {
		return notShown("for '%s'. Resource does not exist or is an action in a shared package binding.", name.ID())
	}
	return nil
}

// mayShowPackage says whether the caller may see the package.
func (a *API) mayShowPackage(caller *whisk.Identity, pkg *whisk.Package) error {
	switch {
	case !a.ExecuteOnly:
		return nil
	case pkg.Namespace.Root() != caller.Namespace:
		return notShown("for '%s' since it's a shared package", pkg.FullName().ID())
	case pkg.Binding != nil && pkg.Binding.Namespace != caller.Namespace:
		return notShown("since %s is a binding of a shared package", pkg.Name)
	}
	return nil
}
