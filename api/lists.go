package api

import (
	"errors"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// list answers with the entities of a collection below path.
func (a *API) list(c whisk.Collection, path whisk.Path) handler {
	return func(r *request) response {
		err := a.Entitlement.Authorize(r.Context(), r.caller, entitlement.Read, entitlement.Resource{Collection: c, Path: whisk.Path(r.namespace)})
		if err != nil {
			return failed(err)
		}
		return a.listEntities(r, store.EntityQuery{Collection: c, Path: path, Shared: c == whisk.Packages && r.namespace != r.caller.Namespace})
	}
}

func (a *API) listEntities(r *request, q store.EntityQuery) response {
	skip, limit, err := r.page(string(q.Collection))
	if err != nil {
		return failed(err)
	}
	count, err := r.flag("count", false)
	if err != nil {
		return failed(err)
	}
	if count {
		n, err := a.Entities.CountEntities(r.Context(), q)
		return answer(map[string]int{string(q.Collection): max(n-skip, 0)}, err)
	}
	q.Skip, q.Limit = skip, limit
	entities, err := a.Entities.ListEntities(r.Context(), q)
	if err != nil {
		return failed(err)
	}
	views := make([]any, len(entities))
	for i, e := range entities {
		views[i] = viewListed(e)
	}
	return ok(views)
}

// listPackageActions answers with the actions of one package, a binding's being its provider's.
func (a *API) listPackageActions(name string) handler {
	return func(r *request) response {
		id := whisk.FullName{Path: whisk.Path(r.namespace), Name: name}
		err := a.Entitlement.Authorize(r.Context(), r.caller, entitlement.Read, entitlement.EntityResource(whisk.Packages, id))
		if err != nil {
			return failed(unnamed(err))
		}
		pkg, err := store.Get[*whisk.Package](r.Context(), a.Entities, id.ID())
		if err != nil {
			return failed(err)
		}
		if pkg.Binding != nil {
			id = pkg.Binding.FullName()
		}
		return a.listEntities(r, store.EntityQuery{Collection: whisk.Actions, Path: id.Path.Join(id.Name)})
	}
}

// unnamed turns the authorization's missing package into the generic text, as
// OpenWhisk answers for actions and for lists of them.
func unnamed(err error) error {
	var e *whisk.Error
	if errors.As(err, &e) && e.Kind == whisk.NotFound {
		return whisk.Missing()
	}
	return err
}
