package api

import (
	"context"
	"errors"
	"net/http"

	"quirl/api/web"
	"quirl/dispatch"
	"quirl/identity"
	"quirl/whisk"
)

// A webCall is one call of a web action on its way.
type webCall struct {
	path  web.Path
	found dispatch.Resolved
	// header is what every answer has once the owner's checks are passed: the CORS
	// headers, unless the action has its own, and the id of the activation.
	header http.Header
}

// webAction answers a call of a web action. The order of checks is the
// contract's: the namespace, the action and its annotation, the owner's throttles
// and rights, the size, OPTIONS, credentials, body, names. The owner of the
// namespace is the one who calls: it pays, and the record is its own.
func (a *API) webAction(r *request, p web.Path) response {
	w := &webCall{path: p}
	if a.RequireWebExtension && !p.Explicit {
		return w.failed(r, web.NoExtension())
	}
	if err := a.findWebAction(r, w); err != nil {
		return w.failed(r, err)
	}
	lease, err := a.Dispatch.Admit(r.Context(), r.caller, r.name)
	if err != nil {
		return w.failed(r, err)
	}
	res, call := a.admitWebCall(r, w)
	if call == nil {
		lease.Release()
		return res
	}
	call.Lease = lease
	return a.invokeWeb(r, w, *call)
}

// admitWebCall goes through the checks that hold the owner's slot: either the
// call can be made, or the answer is there.
func (a *API) admitWebCall(r *request, w *webCall) (response, *dispatch.Call) {
	if err := r.checkLength(r.caller.PayloadLimit(&a.Limits)); err != nil {
		return w.failed(r, err), nil
	}
	custom := w.found.Annotations.IsTrue("web-custom-options")
	w.header = http.Header{}
	if !custom {
		w.header = webCORS(r)
	}
	if r.Method == http.MethodOptions && !custom {
		return response{status: http.StatusOK, header: w.header, routing: true}, nil
	}
	call, err := a.prepareWebCall(r, w)
	if err != nil {
		return w.failed(r, err), nil
	}
	return response{}, call
}

// invokeWeb makes the call and waits for its outcome.
func (a *API) invokeWeb(r *request, w *webCall, call dispatch.Call) response {
	ticket, err := a.Dispatch.Invoke(r.Context(), call)
	if err != nil {
		return w.failed(r, err)
	}
	record, err := await(r.Context(), ticket, maxWait)
	switch {
	case err != nil:
		return w.failed(r, err)
	case record == nil:
		return w.notReady(r, ticket.ID)
	}
	return w.outcome(r, record)
}

// findWebAction makes the owner of the path's namespace the caller and finds the
// action. Whatever is missing, the answer is the same: nobody learns what exists.
func (a *API) findWebAction(r *request, w *webCall) error {
	r.name, r.namespace = w.path.Name, w.path.Name.Path.Root()
	owner, err := a.Identities.Owner(r.Context(), r.namespace)
	if errors.Is(err, identity.ErrUnknown) {
		return whisk.Missing()
	}
	if err != nil {
		return err
	}
	r.caller = owner
	w.found, err = a.resolveWeb(r.Context(), r.name)
	if err == nil && !w.found.Annotations.IsTrue("web-export") {
		return whisk.Missing()
	}
	return err
}

func (a *API) resolveWeb(ctx context.Context, name whisk.FullName) (dispatch.Resolved, error) {
	found, err := a.Dispatch.Resolve(ctx, name)
	if err != nil && whisk.KindOf(err) != whisk.Internal {
		return found, whisk.Missing()
	}
	return found, err
}

// webCORS lets pages of all origins call the action.
func webCORS(r *request) http.Header {
	allowed := "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		allowed = asked
	}
	return http.Header{
		"Access-Control-Allow-Origin":  {"*"},
		"Access-Control-Allow-Methods": {"OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"},
		"Access-Control-Allow-Headers": {allowed},
	}
}

// prepareWebCall holds the credentials against the annotation and makes the
// arguments. Custom OPTIONS need no credentials: a browser sends none.
func (a *API) prepareWebCall(r *request, w *webCall) (*dispatch.Call, error) {
	user, authenticated, err := a.webUser(r)
	if err != nil {
		return nil, err
	}
	notes := w.found.Annotations
	if r.Method != http.MethodOptions && !web.Authorized(notes.Get("require-whisk-auth"), r.Header, authenticated) {
		return nil, whisk.Errorf(whisk.Unauthenticated, NoCredentials)
	}
	arguments, err := a.webArguments(r, notes.IsTrue("raw-http"))
	if err != nil {
		return nil, err
	}
	if err := arguments.CheckNames(w.found.Bound, notes.IsTrue("final")); err != nil {
		return nil, err
	}
	return &dispatch.Call{
		Caller: r.caller, TID: r.tid, Received: r.received, Resolved: w.found, Ref: r.name,
		Payload: arguments.Payload(r.Request, w.path.Rest, user), Blocking: true, ExtraLogging: r.extraLogging(),
	}, nil
}

// webUser returns the namespace of a caller whose credentials are valid; others are anonymous.
func (a *API) webUser(r *request) (namespace string, authenticated bool, err error) {
	c, given := credentials(r.Header.Get("Authorization"))
	if !given || c.Token != "" { // tokens are the functions' own matter
		return "", false, nil
	}
	id, err := a.Identities.Authenticate(r.Context(), c)
	if errors.Is(err, identity.ErrUnknown) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return id.Namespace, id.Scope != whisk.ReadScope, nil
}

func (a *API) webArguments(r *request, raw bool) (*web.Arguments, error) {
	body, err := readBody(r.Request, r.caller.PayloadLimit(&a.Limits), 64<<10) // anybody may send
	if err != nil {
		return nil, err
	}
	decode := web.Decode
	if raw {
		decode = web.DecodeRaw
	}
	arguments, err := decode(r.Request, body)
	return arguments, reject(err)
}

// outcome shows what came of the activation.
func (w *webCall) outcome(r *request, record *whisk.Activation) response {
	out, err := web.Respond(w.path.Extension, &record.Response)
	if errors.Is(err, web.ErrArray) {
		res := text(http.StatusInternalServerError, "There was an internal server error.")
		res.routing = true
		return res
	}
	w.header["X-Openwhisk-Activation-Id"] = []string{string(record.ID)}
	if err != nil {
		return w.failed(r, err)
	}
	if err := out.Acceptable(r.Header); err != nil {
		return w.failed(r, reject(err))
	}
	return response{status: out.Status, raw: out.Body, contentType: out.Type, fields: out.Fields, header: w.header, routing: true}
}

// notReady answers a call that takes longer than a client waits.
func (w *webCall) notReady(r *request, id whisk.ActivationID) response {
	w.header["X-Openwhisk-Activation-Id"] = []string{string(id)}
	body := web.Pretty(whisk.Marshal(errorBody{"Response not yet ready.", r.tid}))
	return response{status: http.StatusAccepted, raw: body, header: w.header, routing: true}
}

// failed answers with an error, laid out over several lines unless the request
// itself was at fault.
func (w *webCall) failed(r *request, err error) response {
	e := r.explain(err)
	res := response{status: statuses[e.Kind], raw: whisk.Marshal(errorBody{e.Message, r.tid}), routing: true}
	if isRejection(err, e) {
		return res
	}
	res.raw = web.Pretty(res.raw)
	if e.Kind != whisk.TooLarge {
		res.header = w.header
	}
	return res
}
