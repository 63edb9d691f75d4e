package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"quirl/dispatch"
	"quirl/entitlement"
	"quirl/whisk"
)

// maxWait is the longest that a blocking call waits, and the default.
const maxWait = 60 * time.Second

// invokeAction answers POST on an action. The order of checks is the
// contract's: throttle, rights, size, query and body, existence, final parameters.
func (a *API) invokeAction(r *request) response {
	lease, err := a.Entitlement.Admit(r.Context(), r.caller, entitlement.Invocation)
	if err != nil {
		return failed(err)
	}
	call, options, err := a.prepareCall(r)
	if err != nil {
		lease.Release()
		return failed(err)
	}
	call.Lease = lease
	ticket, err := a.Dispatch.Invoke(r.Context(), call)
	if err != nil {
		return failed(err)
	}
	if !options.blocking {
		return accepted(ticket.ID)
	}
	return await(r, ticket, options)
}

// An invocation's options are in its query.
type invokeOptions struct {
	blocking, resultOnly bool
	wait                 time.Duration
}

func (a *API) prepareCall(r *request) (dispatch.Call, invokeOptions, error) {
	var none dispatch.Call
	if err := a.authorizeAction(r, entitlement.Activate); err != nil {
		return none, invokeOptions{}, unnamed(err)
	}
	if n := r.ContentLength; n > a.Limits.Payload {
		return none, invokeOptions{}, tooLarge("Request", n, a.Limits.Payload)
	}
	options, err := r.invokeOptions()
	if err != nil {
		return none, options, err
	}
	payload, err := r.arguments()
	if err != nil {
		return none, options, err
	}
	if n := int64(len(payload)); n > a.Limits.Payload { // no length was declared
		return none, options, tooLarge("Request", n, a.Limits.Payload)
	}
	found, err := a.resolve(r.Context(), r.name)
	if err != nil {
		return none, options, err
	}
	if err := a.checkInvocable(found, payload); err != nil {
		return none, options, err
	}
	return dispatch.Call{
		Caller: r.caller, TID: r.tid, Received: r.received, Action: found.Action, Binding: found.binding,
		Bound: found.bound, Payload: payload, Blocking: options.blocking,
	}, options, nil
}

func (a *API) checkInvocable(found resolved, payload json.RawMessage) error {
	switch {
	case a.Kinds.Deprecated(found.Exec.Kind):
		return deprecated(found.Exec.Kind)
	case found.Exec.IsSequence():
		return whisk.Errorf(whisk.Unavailable, "Sequences can be stored, but this server does not run them yet.")
	case found.Annotations.IsTrue("final"):
		return checkFinal(found.bound, payload)
	}
	return nil
}

// checkFinal refuses arguments that a final action has bound to a value.
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

func (r *request) invokeOptions() (o invokeOptions, err error) {
	if o.blocking, err = r.flag("blocking", false); err != nil {
		return o, err
	}
	if o.resultOnly, err = r.flag("result", false); err != nil {
		return o, err
	}
	o.wait = maxWait
	if value, given := r.optional("timeout"); given {
		ms, err := strconv.Atoi(value)
		if err != nil || ms < 1 || ms > int(maxWait/time.Millisecond) {
			return o, malformedParameter("timeout", "Timeout must be number of milliseconds up to %d.", maxWait/time.Millisecond)
		}
		o.wait = time.Duration(ms) * time.Millisecond
	}
	return o, nil
}

func activationHeader(id whisk.ActivationID) http.Header {
	return http.Header{"X-Openwhisk-Activation-Id": {string(id)}}
}

func accepted(id whisk.ActivationID) response {
	return response{status: http.StatusAccepted, body: map[string]whisk.ActivationID{"activationId": id}, header: activationHeader(id)}
}

// await answers a blocking call with its outcome, or as accepted when that takes too long.
func await(r *request, ticket *dispatch.Ticket, o invokeOptions) response {
	timer := time.NewTimer(o.wait)
	defer timer.Stop()
	select {
	case record := <-ticket.Result:
		return outcome(record, o.resultOnly)
	case <-timer.C:
		return accepted(ticket.ID)
	case <-r.Context().Done():
		return accepted(ticket.ID) // the caller is gone, or we stop
	}
}

// outcome shows the record, or its result alone. An array as result is always shown alone.
func outcome(a *whisk.Activation, resultOnly bool) response {
	res := response{status: http.StatusOK, header: activationHeader(a.ID)}
	switch a.Response.Status {
	case whisk.Success:
	case whisk.InternalError:
		res.status = http.StatusInternalServerError
	default:
		res.status = http.StatusBadGateway
	}
	if resultOnly || len(a.Response.Result) > 0 && a.Response.Result[0] == '[' {
		res.raw = a.Response.Result
		return res
	}
	res.body = viewActivation(a)
	return res
}
