package api

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

func (a *API) authorizeActivations(r *request, id whisk.ActivationID) error {
	return a.Entitlement.Authorize(r.Context(), r.caller, entitlement.Read,
		entitlement.Resource{Collection: "activations", Path: whisk.Path(r.namespace), Name: string(id)})
}

func (a *API) activation(r *request, id whisk.ActivationID) (*whisk.Activation, error) {
	if err := a.authorizeActivations(r, id); err != nil {
		return nil, err
	}
	wait, err := r.waitTime()
	if err != nil {
		return nil, err
	}
	find := a.Recorder.Find
	ctx := r.Context()
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
		find = a.Recorder.Wait
	}
	record, err := find(ctx, r.namespace, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, whisk.Missing()
	}
	return record, err
}

// waitTime reads how long a record that is not there yet is waited for; 0 when
// it is not. The parameter is ours.
func (r *request) waitTime() (time.Duration, error) {
	value, given := r.optional("wait")
	if !given {
		return 0, nil
	}
	ms, err := strconv.Atoi(value)
	if err != nil || ms < 0 || ms > int(maxWait/time.Millisecond) {
		return 0, malformedParameter("wait", "Wait must be number of milliseconds up to %d.", maxWait/time.Millisecond)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

func (a *API) getActivation(r *request, id whisk.ActivationID) response {
	record, err := a.activation(r, id)
	if err != nil {
		return failed(err)
	}
	return ok(viewActivation(record))
}

func (a *API) getActivationResult(r *request, id whisk.ActivationID) response {
	record, err := a.activation(r, id)
	if err != nil {
		return failed(err)
	}
	return ok(viewResponse(&record.Response))
}

func (a *API) getActivationLogs(r *request, id whisk.ActivationID) response {
	if r.wantsStream() {
		return a.streamLogs(r, id)
	}
	record, err := a.activation(r, id)
	if err != nil {
		return failed(err)
	}
	lines, err := a.Logs.Lines(r.Context(), record)
	if lines == nil {
		lines = []string{}
	}
	return answer(map[string][]string{"logs": lines}, err)
}

func (a *API) listActivations(r *request) response {
	if err := a.authorizeActivations(r, ""); err != nil {
		return failed(err)
	}
	q, count, err := r.activationQuery()
	if err != nil {
		return failed(err)
	}
	if r.wantsStream() {
		return a.streamActivations(r, q)
	}
	if err := a.Recorder.Flush(r.Context()); err != nil {
		return failed(err)
	}
	if count {
		n, err := a.Activations.CountActivations(r.Context(), q)
		return answer(map[string]int{"activations": max(n-q.Skip, 0)}, err)
	}
	records, err := a.Activations.ListActivations(r.Context(), q)
	if err != nil {
		return failed(err)
	}
	views := make([]any, len(records))
	for i, record := range records {
		if q.Full {
			views[i] = viewActivation(record)
		} else {
			views[i] = viewBriefActivation(record)
		}
	}
	return ok(views)
}

func (r *request) activationQuery() (q store.ActivationQuery, count bool, err error) {
	q.Namespace = r.namespace
	if q.Skip, q.Limit, err = r.page("activations"); err != nil {
		return q, false, err
	}
	if q.Name, err = r.filterName(); err != nil {
		return q, false, err
	}
	if q.Since, err = r.millis("since"); err != nil {
		return q, false, err
	}
	if q.Upto, err = r.millis("upto"); err != nil {
		return q, false, err
	}
	if q.Full, err = r.flag("docs", false); err != nil {
		return q, false, err
	}
	if count, err = r.flag("count", false); err != nil {
		return q, false, err
	}
	if count && q.Full {
		return q, false, whisk.Errorf(whisk.BadRequest, "The parameter 'docs' is not permitted with 'count'.")
	}
	return q, count, nil
}

// filterName reads the name by which a list is filtered: "action" or "package/action".
func (r *request) filterName() (string, error) {
	value, given := r.optional("name")
	if !given || strings.TrimSpace(value) == "" {
		return "", nil
	}
	segments := strings.Split(strings.TrimPrefix(value, "/"), "/")
	valid := len(segments) <= 2
	for _, s := range segments {
		valid = valid && whisk.ValidName(s)
	}
	if !valid {
		return "", malformedParameter("name", "Parameter may be a 'simple' name or 'package-name/simple' name: %s", value)
	}
	return strings.Join(segments, "/"), nil
}
