package api

import (
	"context"
	"slices"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

func (a *API) getAction(r *request) response {
	if err := a.authorizeEntity(r, whisk.Actions, entitlement.Read); err != nil {
		return failed(unnamed(err))
	}
	if err := a.mayShowAction(r.Context(), r.caller, r.name); err != nil {
		return failed(err)
	}
	withCode, err := r.flag("code", true)
	if err != nil {
		return failed(err)
	}
	found, err := a.Dispatch.Resolve(r.Context(), r.name)
	if err != nil {
		return failed(err)
	}
	action := found.Action
	if withCode {
		if action, err = a.loadCode(r.Context(), action); err != nil {
			return failed(err)
		}
	}
	view := viewAction(action)
	view.Parameters = found.Bound
	if !withCode {
		view.Binding = string(found.Binding)
	}
	return ok(view)
}

func (a *API) deleteAction(r *request) response {
	if err := a.authorizeEntity(r, whisk.Actions, entitlement.Delete); err != nil {
		return failed(err)
	}
	if err := a.checkPlainPackage(r.Context(), r.name); err != nil {
		return failed(err)
	}
	action, err := store.Get[*whisk.Action](r.Context(), a.Entities, r.name.ID())
	if err != nil {
		return failed(err)
	}
	if err := a.Entities.DeleteEntity(r.Context(), r.name.ID(), action.Revision); err != nil {
		return failed(err)
	}
	// A damaged or missing attachment does not prevent the deletion.
	if loaded, err := a.loadCode(r.Context(), action); err == nil {
		action = loaded
	}
	return ok(viewAction(action))
}

// checkPlainPackage wants the package of a packaged action to exist and to be no binding.
func (a *API) checkPlainPackage(ctx context.Context, name whisk.FullName) error {
	if name.Path.Package() == "" {
		return nil
	}
	pkg, err := store.Get[*whisk.Package](ctx, a.Entities, string(name.Path))
	if err != nil {
		return err
	}
	if pkg.Binding != nil {
		return whisk.Errorf(whisk.BadRequest, "Operation not permitted on package binding.")
	}
	return nil
}

func (a *API) putAction(r *request) response {
	if err := a.authorizeEntity(r, whisk.Actions, entitlement.Put); err != nil {
		return failed(err)
	}
	if err := a.checkPlainPackage(r.Context(), r.name); err != nil {
		return failed(err)
	}
	body, err := r.entity()
	if err != nil {
		return failed(err)
	}
	change, err := a.parseAction(r, body)
	if err != nil {
		return failed(err)
	}
	overwrite, err := r.flag("overwrite", false)
	if err != nil {
		return failed(err)
	}
	limits := r.caller.Effective(&a.Limits)
	if err := change.checkSizes(&limits); err != nil {
		return failed(err)
	}
	if err := change.limits.Check(&limits); err != nil {
		return failed(err)
	}
	if err := a.checkComponents(r, change.exec); err != nil {
		return failed(err)
	}
	if err := a.checkKindAllowed(r, change.exec); err != nil {
		return failed(err)
	}
	action, err := a.applyAction(r, change, overwrite, &limits)
	if err != nil {
		return failed(err)
	}
	return answer(a.storeAction(r.Context(), action))
}

// applyAction makes the new state of the action from the stored one and the change.
func (a *API) applyAction(r *request, c *actionChange, overwrite bool, limits *whisk.SystemLimits) (*whisk.Action, error) {
	old, err := store.Get[*whisk.Action](r.Context(), a.Entities, r.name.ID())
	switch {
	case whisk.KindOf(err) == whisk.NotFound:
		if c.exec == nil {
			return nil, whisk.Errorf(whisk.BadRequest, "exec undefined")
		}
	case err != nil:
		return nil, err
	case !overwrite:
		return nil, whisk.Errorf(whisk.Conflict, "resource already exists")
	}
	if n := c.limits.Instances; n != nil && *n > limits.Instances {
		return nil, whisk.Errorf(whisk.BadRequest, "Max action instance concurrency must not exceed your namespace concurrency of %d.", limits.Instances)
	}
	action := c.create(r.name, limits)
	if old != nil {
		action = c.update(old)
	}
	if err := a.Dispatch.CheckKind(action.Exec.Kind); err != nil {
		return nil, err
	}
	if c.exec != nil && c.exec.IsSequence() {
		if err := a.checkSequence(r.Context(), r.name, c.exec.Components); err != nil {
			return nil, err
		}
	}
	action.Touch(a.Now())
	return action, nil
}

// storeAction writes the action, its new code first, and returns its view.
func (a *API) storeAction(ctx context.Context, action *whisk.Action) (actionView, error) {
	if code := action.Exec.Code; code != nil {
		data, decoded := whisk.Stored(*code, action.Exec.Binary)
		sum, err := a.Attachments.PutAttachment(ctx, data)
		if err != nil {
			return actionView{}, err
		}
		action.Exec.Attachment = &whisk.Attachment{SHA256: sum, Size: int64(len(data)), Decoded: decoded}
	} else if loaded, err := a.loadCode(ctx, action); err == nil {
		action = loaded
	}
	if _, err := a.Entities.PutEntity(ctx, action); err != nil {
		return actionView{}, err
	}
	return viewAction(action), nil
}

// checkKindAllowed holds the kind against the lists of the namespace and of the
// deployment, of which either may allow it. Without lists every kind is allowed.
func (a *API) checkKindAllowed(r *request, exec *whisk.Exec) error {
	own, all := r.caller.Limits.AllowedKinds, a.AllowedKinds
	if exec == nil || len(own)+len(all) == 0 || slices.Contains(own, exec.Kind) || slices.Contains(all, exec.Kind) {
		return nil
	}
	return whisk.Errorf(whisk.Forbidden, "The supplied authentication is not authorized to access actions of kind '%s'.", exec.Kind)
}
