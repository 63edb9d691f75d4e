package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"quirl/dispatch"
	"quirl/whisk"
)

// maxWait is the longest that a blocking call waits, and the default.
const maxWait = 60 * time.Second

// invokeAction answers POST on an action. The order of checks is the
// contract's: throttle, rights, size, query and body, existence, final parameters.
func (a *API) invokeAction(r *request) response {
	lease, err := a.Dispatch.Admit(r.Context(), r.caller, r.name)
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
	record, err := await(r.Context(), ticket, options.wait)
	switch {
	case err != nil:
		return failed(err)
	case record == nil:
		return accepted(ticket.ID)
	}
	return outcome(record, options.resultOnly)
}

// An invocation's options are in its query.
type invokeOptions struct {
	blocking, resultOnly bool
	wait                 time.Duration
}

func (a *API) prepareCall(r *request) (dispatch.Call, invokeOptions, error) {
	var none dispatch.Call
	if err := r.checkLength(r.caller.PayloadLimit(&a.Limits)); err != nil {
		return none, invokeOptions{}, err
	}
	options, err := r.invokeOptions()
	if err != nil {
		return none, options, err
	}
	payload, err := r.arguments(r.caller.PayloadLimit(&a.Limits))
	if err != nil {
		return none, options, err
	}
	found, err := a.Dispatch.Resolve(r.Context(), r.name)
	if err != nil {
		return none, options, err
	}
	return dispatch.Call{
		Caller: r.caller, TID: r.tid, Received: r.received, Resolved: found, Ref: r.name, Payload: payload, Blocking: options.blocking,
		ExtraLogging: r.extraLogging(),
	}, options, nil
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

// await waits for the record of a blocking call. When that takes too long the
// record is nil, and the activation goes on as one that was accepted.
func await(ctx context.Context, ticket *dispatch.Ticket, wait time.Duration) (*whisk.Activation, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case record := <-ticket.Result:
		return record, nil
	case <-timer.C:
	case <-ctx.Done(): // the caller is gone, or we stop
	}
	return nil, ticket.Keep(context.WithoutCancel(ctx))
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
