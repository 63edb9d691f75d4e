package api

import (
	"context"

	"quirl/entitlement"
	"quirl/whisk"
)

// authorizeEntity wants the caller to have the right on the entity that the request names.
func (a *API) authorizeEntity(r *request, c whisk.Collection, right entitlement.Right) error {
	return a.Entitlement.Authorize(r.Context(), r.caller, right, entitlement.EntityResource(c, r.name))
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
