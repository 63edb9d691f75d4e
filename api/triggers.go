package api

import (
	"encoding/json"
	"net/http"
	"strings"

	"quirl/api/web"
	"quirl/dispatch"
	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

func (a *API) getTrigger(r *request) response {
	if err := a.authorizeEntity(r, whisk.Triggers, entitlement.Read); err != nil {
		return failed(err)
	}
	trigger, err := store.Get[*whisk.Trigger](r.Context(), a.Entities, r.name.ID())
	if err != nil {
		return failed(err)
	}
	return ok(viewTrigger(trigger))
}

func (a *API) deleteTrigger(r *request) response {
	if err := a.authorizeEntity(r, whisk.Triggers, entitlement.Delete); err != nil {
		return failed(err)
	}
	trigger, err := store.Get[*whisk.Trigger](r.Context(), a.Entities, r.name.ID())
	if err != nil {
		return failed(err)
	}
	return answer(viewTrigger(trigger), a.Entities.DeleteEntity(r.Context(), r.name.ID(), trigger.Revision))
}

func (a *API) putTrigger(r *request) response {
	if err := a.authorizeEntity(r, whisk.Triggers, entitlement.Put); err != nil {
		return failed(err)
	}
	_, change, overwrite, err := r.readChange()
	if err != nil {
		return failed(err)
	}
	if err := checkParameterSizes(change.parameters, change.annotations, r.caller.ParameterLimit(&a.Limits)); err != nil {
		return failed(err)
	}
	trigger, err := a.applyTrigger(r, &change, overwrite)
	if err != nil {
		return failed(err)
	}
	_, err = a.Entities.PutEntity(r.Context(), trigger)
	return answer(viewTrigger(trigger), err)
}

// applyTrigger makes the new state of the trigger from the stored one and the change. Rules stay.
func (a *API) applyTrigger(r *request, c *change, overwrite bool) (*whisk.Trigger, error) {
	old, err := store.Get[*whisk.Trigger](r.Context(), a.Entities, r.name.ID())
	var t *whisk.Trigger
	switch {
	case whisk.KindOf(err) == whisk.NotFound:
		if feed := c.annotations.Get("feed"); feed != nil && !validFeed(feed) {
			return nil, whisk.Errorf(whisk.BadRequest, "Feed name is not valid")
		}
		t = &whisk.Trigger{Meta: c.meta(r.name, nil), Parameters: c.parameters}
	case err != nil:
		return nil, err
	case !overwrite:
		return nil, whisk.Errorf(whisk.Conflict, "resource already exists")
	default:
		t = &whisk.Trigger{Meta: c.meta(r.name, &old.Meta), Parameters: c.over(old.Parameters), Rules: old.Rules}
	}
	t.Touch(a.Now())
	return t, nil
}

// validFeed says whether an annotation can be the name of a feed: only its
// grammar counts, the feed need not exist.
func validFeed(value json.RawMessage) bool {
	var feed *string
	if json.Unmarshal(value, &feed) != nil || feed == nil {
		return false
	}
	segments := 0
	for segment := range strings.SplitSeq(*feed, "/") {
		if segment = strings.TrimSpace(segment); segment == "" {
			continue
		}
		if !whisk.ValidName(segment) {
			return false
		}
		segments++
	}
	return segments > 0
}

// fireTrigger answers POST on a trigger. The order of checks is the contract's:
// throttle, rights, size, body, existence.
func (a *API) fireTrigger(r *request) response {
	lease, err := a.Entitlement.Admit(r.Context(), r.caller, entitlement.Fire)
	if err != nil {
		return failed(err)
	}
	defer lease.Release()
	if err := a.authorizeEntity(r, whisk.Triggers, entitlement.Activate); err != nil {
		return failed(err)
	}
	if err := r.checkLength(r.caller.PayloadLimit(&a.Limits)); err != nil {
		return failed(err)
	}
	payload, err := r.arguments(r.caller.PayloadLimit(&a.Limits))
	if err != nil {
		return failed(err)
	}
	trigger, err := store.Get[*whisk.Trigger](r.Context(), a.Entities, r.name.ID())
	if err != nil {
		return failed(err)
	}
	id, err := a.Dispatch.Fire(r.Context(), dispatch.Firing{
		Caller: r.caller, TID: r.tid, Received: r.received, Trigger: trigger, Headers: web.Headers(r.Request), Payload: payload,
		ExtraLogging: r.extraLogging(),
	})
	switch {
	case err != nil:
		return failed(err)
	case id == "":
		return response{status: http.StatusNoContent}
	}
	return accepted(id)
}
