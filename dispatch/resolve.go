package dispatch

import (
	"context"
	"encoding/json"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// A Resolved action is one as a caller sees it: through packages and bindings.
type Resolved struct {
	// Action is as stored, the provider's when it was found through a binding.
	*whisk.Action
	// Bound are the parameters of package, binding and action, merged.
	Bound whisk.Parameters
	// Binding is the bound package it was found through ("ns/name"), or empty.
	Binding whisk.Path
}

// Resolve finds an action under its name, through a binding where that is one.
// Nothing is said about rights. What is missing is a whisk.Error of kind NotFound.
func (d *Dispatcher) Resolve(ctx context.Context, name whisk.FullName) (Resolved, error) {
	if name.Path.Package() == "" {
		action, err := store.Get[*whisk.Action](ctx, d.Entities, name.ID())
		if err != nil {
			return Resolved{}, err
		}
		return Resolved{Action: action, Bound: action.Parameters}, nil
	}
	pkg, err := store.Get[*whisk.Package](ctx, d.Entities, string(name.Path))
	if err != nil {
		return Resolved{}, err
	}
	var binding whisk.Path
	bound := pkg.Parameters
	if pkg.Binding != nil {
		binding = name.Path
		provider, err := store.Get[*whisk.Package](ctx, d.Entities, pkg.Binding.FullName().ID())
		if err != nil {
			return Resolved{}, err
		}
		name.Path = provider.Namespace.Join(provider.Name)
		bound = bound.Over(provider.Parameters)
	}
	action, err := store.Get[*whisk.Action](ctx, d.Entities, name.ID())
	if err != nil {
		return Resolved{}, err
	}
	return Resolved{action, action.Parameters.Over(bound), binding}, nil
}

// Admit counts a call of an action against the caller's limits and then checks
// its right to make it; in this order, so that refused calls count too. The
// lease is the call's slot.
func (d *Dispatcher) Admit(ctx context.Context, caller *whisk.Identity, name whisk.FullName) (entitlement.Lease, error) {
	lease, err := d.Entitlement.Admit(ctx, caller, entitlement.Invocation)
	if err != nil {
		return nil, err
	}
	if err := d.entitled(ctx, caller, name); err != nil {
		lease.Release()
		return nil, err
	}
	return lease, nil
}

// entitled checks the right to invoke an action.
func (d *Dispatcher) entitled(ctx context.Context, caller *whisk.Identity, name whisk.FullName) error {
	err := d.Entitlement.Authorize(ctx, caller, entitlement.Activate, entitlement.EntityResource(whisk.Actions, name))
	if whisk.KindOf(err) == whisk.NotFound {
		return whisk.Missing() // authorization names the package, which answers about actions do not
	}
	return err
}

// CheckKind refuses the kinds whose actions can neither be invoked nor written.
func (d *Dispatcher) CheckKind(kind string) error {
	if d.Deprecated(kind) {
		return whisk.Errorf(whisk.BadRequest, "The '%s' runtime is no longer supported. You may read and delete but not update or invoke this action.", kind)
	}
	return nil
}

// check says whether a call may be made at all.
func (d *Dispatcher) check(ctx context.Context, c *Call) error {
	exec := &c.Action.Exec
	if err := d.CheckKind(exec.Kind); err != nil {
		return err
	}
	if exec.IsSequence() { // a package may have become private since the sequence was made
		resources := make([]entitlement.Resource, len(exec.Components))
		for i, component := range exec.Components {
			resources[i] = entitlement.EntityResource(whisk.Actions, component)
		}
		err := entitlement.AuthorizeAll(ctx, d.Entitlement, c.Caller, entitlement.Activate, resources...)
		if err != nil && whisk.KindOf(err) != whisk.NotFound { // what is missing ends the sequence when its turn comes
			return err
		}
	}
	if c.Action.Annotations.IsTrue("final") {
		return checkFinal(c.Bound, c.Payload)
	}
	return nil
}

// checkFinal refuses arguments that a final action has bound to a value. Those
// bound to null are open.
func checkFinal(bound whisk.Parameters, payload json.RawMessage) error {
	given, err := whisk.Members(payload)
	if err != nil {
		return err
	}
	for _, g := range given {
		if !whisk.IsNull(bound.Get(g.Key)) {
			return whisk.Errorf(whisk.BadRequest, "Request defines parameters that are not allowed (e.g., reserved properties).")
		}
	}
	return nil
}
