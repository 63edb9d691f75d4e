package entitlement

import (
	"context"
	"slices"
	"strings"

	"quirl/whisk"
)

// AuthorizeAll wants the caller to have a right on each resource. Of several
// refused ones the error names those without a package, unless one has one: then
// it names the last such package. A refusal comes before anything else that is
// wrong (OpenWhisk's habits).
func AuthorizeAll(ctx context.Context, e Entitlement, caller *whisk.Identity, right Right, resources ...Resource) error {
	var plain []string
	var packaged, other error
	for _, r := range resources {
		err := e.Authorize(ctx, caller, right, r)
		switch {
		case err == nil:
		case whisk.KindOf(err) != whisk.Forbidden:
			if other == nil {
				other = err
			}
		case r.Path.Package() != "":
			packaged = err
		case !slices.Contains(plain, r.ID()):
			plain = append(plain, r.ID())
		}
	}
	switch {
	case packaged != nil:
		return packaged
	case plain != nil:
		slices.Sort(plain)
		return whisk.Errorf(whisk.Forbidden, "The supplied authentication is not authorized to access '%s'.", strings.Join(plain, ", "))
	}
	return other
}

// EntityResource is one entity of a collection as a resource.
func EntityResource(c whisk.Collection, name whisk.FullName) Resource {
	return Resource{Collection: c, Path: name.Path, Name: name.Name}
}
