package api

import (
	"context"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// A resolved action is one as a caller sees it: through packages and bindings.
type resolved struct {
	*whisk.Action
	// bound are the parameters of package, binding and action, merged.
	bound whisk.Parameters
	// binding is the bound package it was found through ("ns/name"), or empty.
	binding whisk.Path
}

// resolve finds an action under its name, through a binding where that is one.
func (a *API) resolve(ctx context.Context, name whisk.FullName) (resolved, error) {
	if name.Path.Package() == "" {
		action, err := store.Get[*whisk.Action](ctx, a.Entities, name.ID())
		if err != nil {
			return resolved{}, err
		}
		return resolved{Action: action, bound: action.Parameters}, nil
	}
	pkg, err := store.Get[*whisk.Package](ctx, a.Entities, string(name.Path))
	if err != nil {
		return resolved{}, err
	}
	var binding whisk.Path
	bound := pkg.Parameters
	if pkg.Binding != nil {
		binding = name.Path
		provider, err := store.Get[*whisk.Package](ctx, a.Entities, pkg.Binding.FullName().ID())
		if err != nil {
			return resolved{}, err
		}
		name.Path = provider.Namespace.Join(provider.Name)
		bound = bound.Over(provider.Parameters)
	}
	action, err := store.Get[*whisk.Action](ctx, a.Entities, name.ID())
	if err != nil {
		return resolved{}, err
	}
	return resolved{action, action.Parameters.Over(bound), binding}, nil
}

func (a *API) authorizeAction(r *request, right entitlement.Right) error {
	return a.Entitlement.Authorize(r.Context(), r.caller, right, entitlement.Resource{Collection: whisk.Actions, Path: r.name.Path, Name: r.name.Name})
}

// loadCode puts the code into a copy of the action.
func (a *API) loadCode(ctx context.Context, action *whisk.Action) (*whisk.Action, error) {
	if action.Exec.Attachment == nil {
		return action, nil
	}
	data, err := a.Attachments.Attachment(ctx, action.Exec.Attachment.SHA256)
	if err != nil {
		return nil, &whisk.Error{Kind: whisk.Internal, Message: "Resource is corrupted and cannot be read.", Cause: err}
	}
	loaded := *action
	code := action.Exec.Attachment.Text(data)
	loaded.Exec.Code = &code
	return &loaded, nil
}
