package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// A Firing is an event for a trigger.
type Firing struct {
	Caller   *whisk.Identity
	TID      string
	Received time.Time
	// ExtraLogging has the records kept whatever the store level.
	ExtraLogging bool
	Trigger      *whisk.Trigger
	// Headers are the request's, by lower-case names, as JSON object; they reach
	// the actions as __ow_headers.
	Headers json.RawMessage
	// Payload is the event, a JSON object or empty.
	Payload json.RawMessage
}

// Fire calls the actions of the trigger's active rules, each as if the caller
// had invoked it: its rights and limits count, and a refusal concerns that rule
// alone. It returns the id of the firing, which then is safe as a whole: its
// record, which tells what became of each rule, and all activations. Without
// active rules nothing happens and the id is empty.
func (d *Dispatcher) Fire(ctx context.Context, f Firing) (whisk.ActivationID, error) {
	active := false
	for _, link := range f.Trigger.Rules {
		active = active || link.Active
	}
	if !active {
		return "", nil
	}
	arguments, err := f.arguments()
	if err != nil {
		return "", err
	}
	id := whisk.NewActivationID(d.Now())
	outcomes, departures := d.prepareRules(ctx, &f, arguments)
	if len(departures) > 0 {
		if err := d.journal(ctx, departures...); err != nil {
			return "", err
		}
	}
	for i := range outcomes {
		if o := &outcomes[i]; o.departure != nil {
			o.err = o.departure.launch(ctx)
		}
	}
	d.Recorder.Put(store.Record{
		Activation: f.record(id, d.Now(), outcomes), Discard: !d.Storing.Keeps(f.Caller, false, f.ExtraLogging, whisk.Success), Unjournaled: true,
	})
	return id, nil
}

// arguments are what the actions get: the trigger's parameters, the headers and
// the event, of which the latter wins.
func (f *Firing) arguments() (json.RawMessage, error) {
	base := f.Trigger.Parameters
	if len(f.Headers) > 0 {
		base = base.With(whisk.Parameter{Key: "__ow_headers", Value: f.Headers})
	}
	return base.Arguments(f.Payload)
}

// A ruleOutcome is what became of one rule of a firing.
type ruleOutcome struct {
	link      whisk.RuleLink
	departure *departure // nil when the call was refused
	err       error
}

// prepareRules makes the calls of all active rules ready, in the order of the rules.
func (d *Dispatcher) prepareRules(ctx context.Context, f *Firing, arguments json.RawMessage) (outcomes []ruleOutcome, ready []*departure) {
	for _, link := range f.Trigger.Rules {
		o := ruleOutcome{link: link}
		if link.Active {
			o.departure, o.err = d.prepareRule(ctx, f, link.Action, arguments)
		} else {
			o.err = whisk.Errorf(whisk.BadRequest, "Rule '%s' is inactive, action '%s' was not activated.", link.Rule, link.Action.ID())
		}
		if o.departure != nil {
			ready = append(ready, o.departure)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, ready
}

func (d *Dispatcher) prepareRule(ctx context.Context, f *Firing, action whisk.FullName, arguments json.RawMessage) (*departure, error) {
	lease, err := d.Admit(ctx, f.Caller, action)
	if err != nil {
		return nil, err
	}
	limit := f.Caller.PayloadLimit(&d.Limits)
	if n := int64(len(arguments)); n > limit {
		lease.Release()
		return nil, whisk.Errorf(whisk.TooLarge, "Request larger than allowed: %d > %d bytes.", n, limit)
	}
	found, err := d.Resolve(ctx, action)
	if err != nil {
		lease.Release()
		return nil, err
	}
	return d.prepare(ctx, Call{
		Caller: f.Caller, TID: f.TID, Received: f.Received, Resolved: found, Ref: action, Payload: arguments, ExtraLogging: f.ExtraLogging, Lease: lease,
	})
}

// record is the firing's record. It has no end, and its logs say what became of
// each rule, as JSON (OpenWhisk's form).
func (f *Firing) record(id whisk.ActivationID, now time.Time, outcomes []ruleOutcome) *whisk.Activation {
	a := &whisk.Activation{
		Namespace: f.Caller.Namespace, Name: f.Trigger.Name, Version: f.Trigger.Version, Subject: f.Caller.Subject, ID: id,
		Start: now, Response: whisk.Response{Result: f.Payload}, Annotations: whisk.Parameters{},
	}
	if len(f.Payload) == 0 {
		a.Response.Result = json.RawMessage("{}")
	}
	for _, o := range outcomes {
		a.Logs = append(a.Logs, o.log())
	}
	return a
}

type ruleLog struct {
	Status       whisk.Status       `json:"statusCode"`
	Success      bool               `json:"success"`
	ActivationID whisk.ActivationID `json:"activationId,omitempty"`
	Rule         string             `json:"rule"`
	Error        string             `json:"error,omitempty"`
	Action       string             `json:"action"`
}

func (o *ruleOutcome) log() string {
	l := ruleLog{Rule: o.link.Rule, Action: o.link.Action.ID()}
	var e *whisk.Error
	switch {
	case o.err == nil:
		l.Success, l.ActivationID = true, o.departure.ticket.ID
	case !errors.As(o.err, &e) || e.Kind == whisk.Internal:
		l.Status, l.Error = whisk.InternalError, "There was an internal server error."
	case e.Kind == whisk.Unavailable:
		l.Status, l.Error = whisk.InternalError, e.Message
	default:
		l.Status, l.Error = whisk.ApplicationError, e.Message
	}
	return string(whisk.Marshal(l))
}
