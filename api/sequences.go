package api

import (
	"context"

	"quirl/entitlement"
	"quirl/whisk"
)

// checkComponents wants the caller to have the right to read each component of a sequence.
func (a *API) checkComponents(r *request, exec *whisk.Exec) error {
	if exec == nil || !exec.IsSequence() {
		return nil
	}
	resources := make([]entitlement.Resource, len(exec.Components))
	for i, c := range exec.Components {
		resources[i] = entitlement.EntityResource(whisk.Actions, c)
	}
	return unnamed(entitlement.AuthorizeAll(r.Context(), a.Entitlement, r.caller, entitlement.Read, resources...))
}

// checkSequence says whether name may become a sequence of these components: not
// too many of them when nested sequences are counted by what they consist of,
// and none that leads back to name, through bindings either.
func (a *API) checkSequence(ctx context.Context, name whisk.FullName, components []whisk.FullName) error {
	switch {
	case len(components) == 0:
		return whisk.Errorf(whisk.BadRequest, "No component specified for the sequence.")
	case len(components) > a.Limits.SequenceLength:
		return sequenceTooLong()
	}
	count := sequenceCount{a: a, origin: name}
	return count.add(ctx, components, 0)
}

func sequenceTooLong() error {
	return whisk.Errorf(whisk.BadRequest, "Too many actions in the sequence.")
}

// A sequenceCount counts the atomic actions of a sequence.
type sequenceCount struct {
	a      *API
	origin whisk.FullName
	atomic int
}

// add counts the components. depth bounds what a circle among other sequences,
// which a change of a binding can close, makes of the recursion.
func (c *sequenceCount) add(ctx context.Context, components []whisk.FullName, depth int) error {
	if depth > c.a.Limits.SequenceLength {
		return sequenceTooLong()
	}
	for _, component := range components {
		if component == c.origin {
			return sequenceCycle()
		}
		found, err := c.a.Dispatch.Resolve(ctx, component)
		switch {
		case whisk.KindOf(err) == whisk.NotFound:
			return whisk.Errorf(whisk.BadRequest, "Sequence component does not exist.")
		case err != nil:
			return err
		case found.FullName() == c.origin:
			return sequenceCycle()
		case found.Exec.IsSequence():
			err = c.add(ctx, found.Exec.Components, depth+1)
		default:
			c.atomic++
		}
		if err == nil && c.atomic > c.a.Limits.SequenceLength {
			err = sequenceTooLong()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func sequenceCycle() error {
	return whisk.Errorf(whisk.BadRequest, "Sequence may not refer to itself.")
}
