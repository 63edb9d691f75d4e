package api

import (
	"context"
	"encoding/json"
	"errors"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

func (a *API) getPackage(r *request) response {
	if err := a.authorizeEntity(r, whisk.Packages, entitlement.Read); err != nil {
		return failed(err)
	}
	pkg, err := store.Get[*whisk.Package](r.Context(), a.Entities, r.name.ID())
	if err != nil {
		return failed(err)
	}
	if err := a.mayShowPackage(r.caller, pkg); err != nil {
		return failed(err)
	}
	view := packageWithContents{packageView: viewPackage(pkg), Actions: []packageItem{}, Feeds: []packageItem{}}
	owner := r.name
	if pkg.Binding != nil {
		owner = pkg.Binding.FullName()
		provider, err := store.Get[*whisk.Package](r.Context(), a.Entities, owner.ID())
		if err != nil {
			return failed(err)
		}
		view.Parameters = pkg.Parameters.Over(provider.Parameters)
	}
	err = a.addContents(r.Context(), &view, owner)
	return answer(view, err)
}

// addContents lists the actions of a package, feeds apart.
func (a *API) addContents(ctx context.Context, view *packageWithContents, pkg whisk.FullName) error {
	actions, err := a.Entities.ListEntities(ctx, store.EntityQuery{Collection: whisk.Actions, Path: pkg.Path.Join(pkg.Name)})
	for _, e := range actions {
		m := e.Common()
		list := &view.Actions
		if m.Annotations.Has("feed") {
			list = &view.Feeds
		}
		*list = append(*list, packageItem{m.Name, m.Version, m.Annotations})
	}
	return err
}

func (a *API) deletePackage(r *request) response {
	if err := a.authorizeEntity(r, whisk.Packages, entitlement.Delete); err != nil {
		return failed(err)
	}
	force, err := r.flag("force", false)
	if err != nil {
		return failed(err)
	}
	pkg, err := store.Get[*whisk.Package](r.Context(), a.Entities, r.name.ID())
	if err != nil {
		return failed(err)
	}
	if pkg.Binding == nil {
		if err := a.emptyPackage(r.Context(), r.name, force); err != nil {
			return failed(err)
		}
	}
	return answer(viewPackage(pkg), a.Entities.DeleteEntity(r.Context(), r.name.ID(), pkg.Revision))
}

// emptyPackage wants the package to have no actions, or deletes them when forced to.
func (a *API) emptyPackage(ctx context.Context, pkg whisk.FullName, force bool) error {
	actions, err := a.Entities.ListEntities(ctx, store.EntityQuery{Collection: whisk.Actions, Path: pkg.Path.Join(pkg.Name)})
	if err != nil || len(actions) == 0 {
		return err
	}
	if !force {
		entities := "entities"
		if len(actions) == 1 {
			entities = "entity"
		}
		return whisk.Errorf(whisk.Conflict, "Package not empty (contains %d %s). Set force param or delete package contents.", len(actions), entities)
	}
	for _, e := range actions {
		err := a.Entities.DeleteEntity(ctx, e.FullName().ID(), e.Common().Revision)
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return nil
}

func (a *API) putPackage(r *request) response {
	if err := a.authorizeEntity(r, whisk.Packages, entitlement.Put); err != nil {
		return failed(err)
	}
	body, err := r.entity()
	if err != nil {
		return failed(err)
	}
	binding, err := r.binding(body)
	if err != nil {
		return failed(err)
	}
	change, err := body.change()
	if err != nil {
		return failed(err)
	}
	overwrite, err := r.flag("overwrite", false)
	if err != nil {
		return failed(err)
	}
	if r.name.Name == "default" {
		return failed(whisk.Errorf(whisk.BadRequest, "Package name 'default' is reserved."))
	}
	if err := checkParameterSizes(change.parameters, change.annotations, r.caller.ParameterLimit(&a.Limits)); err != nil {
		return failed(err)
	}
	if err := a.checkBinding(r, binding); err != nil {
		return failed(err)
	}
	pkg, err := a.applyPackage(r, &change, binding, overwrite)
	if err != nil {
		return failed(err)
	}
	_, err = a.Entities.PutEntity(r.Context(), pkg)
	return answer(viewPackage(pkg), err)
}

// binding reads the binding of a body; nil when there is none.
func (r *request) binding(m members) (*whisk.Binding, error) {
	raw, given := m["binding"]
	if !given {
		return nil, nil
	}
	b, err := parseBinding(raw)
	if b != nil && b.Namespace == whisk.DefaultNamespace {
		b.Namespace = r.caller.Namespace
	}
	return b, reject(err)
}

// parseBinding reads a binding; an empty object is none.
func parseBinding(raw json.RawMessage) (*whisk.Binding, error) {
	var m members
	if !isObject(raw) || json.Unmarshal(raw, &m) != nil {
		return nil, whisk.Malformed("Object expected in field 'namespace'")
	}
	if len(m) == 0 {
		return nil, nil
	}
	var b whisk.Binding
	for _, f := range []struct {
		key  string
		into *string
	}{{"namespace", &b.Namespace}, {"name", &b.Name}} {
		value, given := m[f.key]
		if !given {
			return nil, whisk.Malformed("Object is missing required member '%s'", f.key)
		}
		if json.Unmarshal(value, f.into) != nil || !whisk.ValidName(*f.into) {
			return nil, whisk.Malformed("entity name malformed")
		}
	}
	return &b, nil
}

// checkBinding wants the target of a binding to be a package that the caller may read.
func (a *API) checkBinding(r *request, b *whisk.Binding) error {
	if b == nil {
		return nil
	}
	missing := whisk.Errorf(whisk.BadRequest, "Binding references a package that does not exist.")
	target := b.FullName()
	if b.Namespace != r.caller.Namespace {
		err := a.Entitlement.Authorize(r.Context(), r.caller, entitlement.Read, entitlement.EntityResource(whisk.Packages, target))
		if err != nil {
			return err
		}
	}
	e, err := a.Entities.Entity(r.Context(), target.ID())
	if errors.Is(err, store.ErrNotFound) {
		return missing
	}
	if err != nil {
		return err
	}
	pkg, isPackage := e.(*whisk.Package)
	switch {
	case !isPackage:
		return whisk.Errorf(whisk.Conflict, "Cannot bind to a resource that is not a package.")
	case pkg.Binding != nil:
		return whisk.Errorf(whisk.BadRequest, "Cannot bind to another package binding.")
	}
	return nil
}

// applyPackage makes the new state of the package from the stored one and the change.
func (a *API) applyPackage(r *request, c *change, binding *whisk.Binding, overwrite bool) (*whisk.Package, error) {
	old, err := store.Get[*whisk.Package](r.Context(), a.Entities, r.name.ID())
	var p *whisk.Package
	switch {
	case whisk.KindOf(err) == whisk.NotFound:
		p = &whisk.Package{Meta: c.meta(r.name, nil), Parameters: c.parameters, Binding: binding}
	case err != nil:
		return nil, err
	case !overwrite:
		return nil, whisk.Errorf(whisk.Conflict, "resource already exists")
	case old.Binding == nil && binding != nil:
		return nil, whisk.Errorf(whisk.Conflict, "Resource is a package and cannot be converted into a binding.")
	default:
		p = &whisk.Package{Meta: c.meta(r.name, &old.Meta), Parameters: c.over(old.Parameters), Binding: old.Binding}
		if binding != nil {
			p.Binding = binding
		}
	}
	p.Annotations = p.Annotations.Without("binding")
	if p.Binding != nil {
		p.Annotations = p.Annotations.WithValue("binding", p.Binding)
	}
	p.Touch(a.Now())
	return p, nil
}
