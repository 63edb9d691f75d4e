package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// A rule's document names its trigger and its action; whether it is active, and
// what it fires, stands in the trigger. Two documents cannot be written at once,
// so that the rule is written first: a rule without its link is inactive, which
// its owner sees and can mend, while a link without its rule would fire for nobody.

func (a *API) getRule(r *request) response {
	if err := a.authorizeEntity(r, whisk.Rules, entitlement.Read); err != nil {
		return failed(err)
	}
	rule, err := store.Get[*whisk.Rule](r.Context(), a.Entities, r.name.ID())
	if err != nil {
		return failed(err)
	}
	active, err := a.isActive(r.Context(), rule)
	return answer(viewRule(rule, active), err)
}

// isActive looks into the rule's trigger. A rule whose trigger is gone is inactive.
func (a *API) isActive(ctx context.Context, rule *whisk.Rule) (bool, error) {
	trigger, err := store.Get[*whisk.Trigger](ctx, a.Entities, rule.Trigger.ID())
	if err != nil {
		return false, ignoreMissing(err)
	}
	link := trigger.Rules.Find(rule.FullName().ID())
	return link != nil && link.Active, nil
}

func (a *API) deleteRule(r *request) response {
	if err := a.authorizeEntity(r, whisk.Rules, entitlement.Delete); err != nil {
		return failed(err)
	}
	rule, err := store.Get[*whisk.Rule](r.Context(), a.Entities, r.name.ID())
	if err != nil {
		return failed(err)
	}
	a.linking.Lock()
	defer a.linking.Unlock()
	active, err := a.isActive(r.Context(), rule)
	if err != nil {
		return failed(err)
	}
	if err := a.unlink(r.Context(), rule.Trigger, r.name); err != nil {
		return failed(err)
	}
	err = a.Entities.DeleteEntity(r.Context(), r.name.ID(), rule.Revision)
	if errors.Is(err, store.ErrConflict) { // somebody changed it meanwhile: it stays as it was
		undo := a.link(context.WithoutCancel(r.Context()), rule, always(active))
		err = errors.Join(err, ignoreMissing(undo))
	}
	return answer(viewRule(rule, false), err)
}

func (a *API) putRule(r *request) response {
	if err := a.authorizeEntity(r, whisk.Rules, entitlement.Put); err != nil {
		return failed(err)
	}
	body, change, overwrite, err := r.readChange()
	if err != nil {
		return failed(err)
	}
	trigger, err := r.reference(body, "trigger")
	if err != nil {
		return failed(err)
	}
	action, err := r.reference(body, "action")
	if err != nil {
		return failed(err)
	}
	if err := checkParameterSizes(nil, change.annotations, r.caller.ParameterLimit(&a.Limits)); err != nil {
		return failed(err)
	}
	if err := a.authorizeReferences(r, trigger, action); err != nil {
		return failed(err)
	}
	old, err := store.Get[*whisk.Rule](r.Context(), a.Entities, r.name.ID())
	switch {
	case whisk.KindOf(err) == whisk.NotFound:
		return a.createRule(r, &change, trigger, action)
	case err != nil:
		return failed(err)
	case !overwrite:
		return failed(whisk.Errorf(whisk.Conflict, "resource already exists"))
	}
	return a.updateRule(r, &change, old, trigger, action)
}

// reference reads an optional name of a body: text or an object of path and name.
func (r *request) reference(m members, key string) (*whisk.FullName, error) {
	if !m.has(key) {
		return nil, nil
	}
	var name whisk.FullName
	var text string
	var parts struct{ Path, Name *string }
	var err error
	switch {
	case json.Unmarshal(m[key], &text) == nil:
		name, err = whisk.ParseFullName(text)
	case isObject(m[key]) && json.Unmarshal(m[key], &parts) == nil && parts.Path != nil && parts.Name != nil:
		name, err = whisk.ParseFullName(*parts.Path + "/" + *parts.Name)
	default:
		err = whisk.Malformed("fully qualified name malformed")
	}
	if err != nil {
		return nil, reject(err)
	}
	name = name.Resolve(r.namespace)
	return &name, nil
}

// authorizeReferences wants the caller to have the right to read what the rule connects.
func (a *API) authorizeReferences(r *request, trigger, action *whisk.FullName) error {
	var resources []entitlement.Resource
	if trigger != nil {
		resources = append(resources, entitlement.EntityResource(whisk.Triggers, *trigger))
	}
	if action != nil {
		resources = append(resources, entitlement.EntityResource(whisk.Actions, *action))
	}
	return unnamed(entitlement.AuthorizeAll(r.Context(), a.Entitlement, r.caller, entitlement.Read, resources...))
}

func (a *API) createRule(r *request, c *change, trigger, action *whisk.FullName) response {
	if trigger == nil || action == nil {
		return failed(whisk.Errorf(whisk.BadRequest, "rule requires a valid trigger and a valid action"))
	}
	rule := &whisk.Rule{Meta: c.meta(r.name, nil), Trigger: *trigger, Action: *action}
	if err := a.checkReferences(r.Context(), rule); err != nil {
		return failed(err)
	}
	a.linking.Lock()
	defer a.linking.Unlock()
	rule.Touch(a.Now())
	revision, err := a.Entities.PutEntity(r.Context(), rule)
	if err != nil {
		return failed(err)
	}
	if err := a.link(r.Context(), rule, always(true)); err != nil {
		// Its trigger went meanwhile: the rule goes too, as if it had been refused.
		undo := a.Entities.DeleteEntity(context.WithoutCancel(r.Context()), r.name.ID(), revision)
		return failed(errors.Join(referenceError("trigger", rule.Trigger, err), undo))
	}
	return ok(viewRule(rule, true))
}

// updateRule keeps the rule's state and moves its link when it has a new trigger.
func (a *API) updateRule(r *request, c *change, old *whisk.Rule, trigger, action *whisk.FullName) response {
	rule := &whisk.Rule{Meta: c.meta(r.name, &old.Meta), Trigger: old.Trigger, Action: old.Action}
	if trigger != nil {
		rule.Trigger = *trigger
	}
	if action != nil {
		rule.Action = *action
	}
	if err := a.checkReferences(r.Context(), rule); err != nil {
		return failed(err)
	}
	a.linking.Lock()
	defer a.linking.Unlock()
	active, err := a.isActive(r.Context(), old)
	if err != nil {
		return failed(err)
	}
	rule.Touch(a.Now())
	if _, err := a.Entities.PutEntity(r.Context(), rule); err != nil {
		return failed(err)
	}
	if err := a.link(r.Context(), rule, atFirst(active)); err != nil {
		return failed(err)
	}
	if old.Trigger != rule.Trigger {
		err = a.unlink(r.Context(), old.Trigger, r.name)
	}
	return answer(viewRule(rule, active), err)
}

// checkReferences wants trigger and action to exist.
func (a *API) checkReferences(ctx context.Context, rule *whisk.Rule) error {
	_, err := store.Get[*whisk.Trigger](ctx, a.Entities, rule.Trigger.ID())
	if err := referenceError("trigger", rule.Trigger, err); err != nil {
		return err
	}
	_, err = a.Dispatch.Resolve(ctx, rule.Action)
	return referenceError("action", rule.Action, err)
}

func referenceError(what string, name whisk.FullName, err error) error {
	switch whisk.KindOf(err) {
	case whisk.NotFound:
		return whisk.Errorf(whisk.BadRequest, "%s %s does not exist", what, name)
	case whisk.Conflict:
		return whisk.Errorf(whisk.BadRequest, "%s exists but is no %s", name, what)
	}
	return err
}

// setRuleState answers POST on a rule.
func (a *API) setRuleState(r *request) response {
	if err := a.authorizeEntity(r, whisk.Rules, entitlement.Activate); err != nil {
		return failed(err)
	}
	if err := r.checkLength(r.caller.PayloadLimit(&a.Limits)); err != nil {
		return failed(err)
	}
	active, err := r.ruleState(a.Limits.Payload)
	if err != nil {
		return failed(err)
	}
	a.linking.Lock()
	defer a.linking.Unlock()
	rule, err := store.Get[*whisk.Rule](r.Context(), a.Entities, r.name.ID())
	if err != nil {
		return failed(err)
	}
	err = a.link(r.Context(), rule, always(active))
	switch {
	case whisk.KindOf(err) == whisk.NotFound && active:
		return failed(whisk.Errorf(whisk.NotFound, "Only rules with existing triggers can be activated"))
	case err != nil && whisk.KindOf(err) != whisk.NotFound:
		return failed(err)
	}
	return text(http.StatusOK, "OK")
}

// ruleState reads the state that a rule is to have.
func (r *request) ruleState(limit int64) (active bool, err error) {
	body, err := r.readJSON(limit)
	if err != nil {
		return false, err
	}
	var m members
	if !isObject(body) || json.Unmarshal(body, &m) != nil {
		return false, reject(whisk.Malformed("JSON object expected"))
	}
	raw, given := m["status"]
	if !given {
		return false, reject(whisk.Malformed("key not found: status"))
	}
	var status *string
	if json.Unmarshal(raw, &status) != nil || status == nil {
		return false, reject(whisk.Malformed("'status' must be a string"))
	}
	switch *status {
	case "active", "inactive":
		return *status == "active", nil
	}
	return false, reject(whisk.Malformed("requirement failed: %s is not a recognized rule state", *status))
}

// link makes the rule's trigger know the rule's action and state; state is given
// the present link, nil when there is none. The error is of kind NotFound when
// there is no such trigger.
//
// Others may change the rule at the same time. Each links what the rule is after
// it has written it, and looks once more after that, so that in the end the link
// is that of the last change, whoever comes last here.
func (a *API) link(ctx context.Context, rule *whisk.Rule, state func(present *whisk.RuleLink) bool) error {
	id := rule.FullName().ID()
	for {
		now, err := store.Get[*whisk.Rule](ctx, a.Entities, id)
		if err != nil || now.Trigger != rule.Trigger { // whoever deleted or moved it sees to its links
			return ignoreMissing(err)
		}
		changed := false
		err = a.changeLinks(ctx, rule.Trigger, func(links whisk.RuleLinks) whisk.RuleLinks {
			present := links.Find(id)
			want := whisk.RuleLink{Rule: id, Action: now.Action, Active: state(present)}
			if changed = present == nil || *present != want; !changed {
				return nil
			}
			return links.With(want)
		})
		if err != nil || !changed {
			return err
		}
	}
}

// atFirst is the state of a rule that is not linked yet; else the state stays,
// for it may have been set meanwhile.
func atFirst(active bool) func(*whisk.RuleLink) bool {
	return func(present *whisk.RuleLink) bool {
		if present != nil {
			return present.Active
		}
		return active
	}
}

func always(active bool) func(*whisk.RuleLink) bool {
	return func(*whisk.RuleLink) bool { return active }
}

// ignoreMissing returns err unless it says that an entity is not there, or is another one by now.
func ignoreMissing(err error) error {
	if k := whisk.KindOf(err); k == whisk.NotFound || k == whisk.Conflict {
		return nil
	}
	return err
}

// unlink makes a trigger forget a rule. A trigger that is gone knows none.
func (a *API) unlink(ctx context.Context, trigger, rule whisk.FullName) error {
	return ignoreMissing(a.changeLinks(ctx, trigger, func(links whisk.RuleLinks) whisk.RuleLinks {
		if links.Find(rule.ID()) == nil {
			return nil
		}
		return links.Without(rule.ID())
	}))
}

// changeLinks changes the rules of a trigger; change returns nil when there is
// nothing to do. Version and time of the trigger stay, as OpenWhisk has it. When
// others change the trigger at the same time it is tried again: each time one of
// them is through, so that it ends. a.linking is held, so that within this process
// one goes after the other.
func (a *API) changeLinks(ctx context.Context, trigger whisk.FullName, change func(whisk.RuleLinks) whisk.RuleLinks) error {
	for {
		old, err := store.Get[*whisk.Trigger](ctx, a.Entities, trigger.ID())
		if err != nil {
			return err
		}
		links := change(old.Rules)
		if links == nil {
			return nil
		}
		changed := *old
		changed.Rules = links
		if _, err := a.Entities.PutEntity(ctx, &changed); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}
