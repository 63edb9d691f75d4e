package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"quirl/api/web"
	"quirl/store"
	"quirl/whisk"
)

// A handler answers one request.
type handler func(r *request) response

// route finds the handler. The whole surface:
//
//	GET  /                                        info document
//	GET  /ping                                    pong
//	GET  /blackbox.tar.gz                         skeleton of an action in an image
//	GET  /invokers[/healthy/count|/ready]         for operators
//	GET  /invokers/{number}/pool                  for operators
//	GET  /activation[/count]                      for operators
//	POST /disable                                 for operators
//	GET  /api/v1                                  info document of the API
//	GET  [/api/v1]/api-docs, [/api/v1]/docs       the description, and the page that shows it
//	GET  /api/v1/namespaces                       the caller's namespace
//	GET  /api/v1/namespaces/{ns}/{collection}     list
//	GET PUT DELETE POST …/actions/[{pkg}/]{name}  action, POST invokes
//	GET  …/actions/{pkg}/                         list of the package's actions
//	GET PUT DELETE      …/packages/{name}
//	GET PUT DELETE POST …/triggers/{name}         POST fires
//	GET PUT DELETE POST …/rules/{name}            POST sets the state
//	GET  …/activations/{id}[/logs|/result]
//	GET  …/limits
//	any  /api/v1/web/{ns}/{pkg|default}/{action}[.ext][/rest]   web action
//
// OPTIONS is answered everywhere.
func (a *API) route(r *request) {
	path := r.URL.EscapedPath()
	if a.serveDocs(r, path) {
		return
	}
	if below, ok := strings.CutPrefix(path, web.Prefix); ok {
		if p, ok := web.ParsePath(below); ok {
			r.reply(a.routeWeb(r, p))
			return
		}
	}
	under, inAPI := strings.CutPrefix(path, "/api/v1")
	inAPI = inAPI && (under == "" || under[0] == '/')
	switch {
	case r.Method == http.MethodOptions:
		r.reply(options(inAPI))
	case inAPI && (under == "" || under == "/") && r.Method == http.MethodGet:
		r.reply(a.apiInfo(r))
	case inAPI:
		a.routeAuthenticated(r, under)
	default:
		a.routeOutside(r, path)
	}
}

// routeWeb serves the path of a web action, by the seven verbs. What looks like
// such a path and is none belongs to the API below, which wants credentials.
func (a *API) routeWeb(r *request, p web.Path) response {
	switch r.Method {
	case http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch, http.MethodHead, http.MethodOptions:
		return a.webAction(r, p)
	case http.MethodTrace:
		return notAllowed("GET, DELETE, POST, PUT, HEAD, OPTIONS, PATCH")
	}
	res := text(http.StatusNotImplemented, "Unsupported HTTP method")
	res.routing = true
	return res
}

// options answers OPTIONS, which needs no credentials and no such resource.
func options(inAPI bool) response {
	res := text(http.StatusOK, "OK")
	if !inAPI {
		res.header = http.Header{"Access-Control-Allow-Methods": {"OPTIONS, GET, POST"}}
	}
	return res
}

func notAllowed(methods string) response {
	res := rejected(whisk.Errorf(whisk.NotAllowed, "HTTP method not allowed, supported methods: %s", methods))
	res.header = http.Header{"Allow": {methods}}
	return res
}

func (a *API) routeAuthenticated(r *request, under string) {
	segments, err := split(under)
	namespace := ""
	if len(segments) > 1 {
		namespace = segments[1]
	}
	if err := a.authenticate(r, namespace); err != nil {
		r.reply(rejected(err))
		return
	}
	if err != nil || len(segments) == 0 || segments[0] != "namespaces" {
		r.reply(noRoute())
		return
	}
	rest := segments[1:]
	switch {
	case len(rest) == 0 || len(rest) == 1 && rest[0] == "":
		if r.Method != http.MethodGet {
			r.reply(noRoute())
			return
		}
		r.reply(ok([]string{r.caller.Namespace}))
	case len(rest) == 1:
		r.reply(noRoute())
	case !inScope(r.caller.Scope, r.Method, rest[1]):
		r.namespace = r.caller.Namespace
		res := failed(outOfScope(r.caller.Scope))
		a.audit(r, rest[1], rest[2:], res)
		r.reply(res)
	default:
		a.routeNamespace(r, rest[0], rest[1], rest[2:])
	}
}

// split cuts an escaped path into unescaped segments: "/a/b%20c/" is "a", "b c", "".
func split(path string) ([]string, error) {
	if path == "" || path == "/" {
		return nil, nil
	}
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		unescaped, err := url.PathUnescape(s)
		if err != nil {
			return nil, err
		}
		segments[i] = unescaped
	}
	return segments, nil
}

// routesOf returns the routes of a collection, the segment behind the namespace.
func (a *API) routesOf(collection string) func(r *request, rest []string) (handler, error) {
	switch collection {
	case "actions":
		return a.actionRoutes
	case "packages":
		return a.packageRoutes
	case "activations":
		return a.activationRoutes
	case "triggers":
		return a.triggerRoutes
	case "rules":
		return a.ruleRoutes
	case "limits":
		return a.limitRoutes
	}
	return nil
}

func (a *API) routeNamespace(r *request, namespace, collection string, rest []string) {
	routes := a.routesOf(collection)
	if routes == nil || namespace == "" {
		r.reply(noRoute())
		return
	}
	if err := r.setNamespace(namespace); err != nil {
		r.reply(rejected(err))
		return
	}
	h, err := routes(r, rest)
	switch {
	case err != nil:
		r.reply(rejected(err))
	case h == nil:
		r.reply(noRoute())
	default:
		res := a.bare(r, h(r))
		a.audit(r, collection, rest, res)
		r.reply(res)
	}
}

// bare leaves away what a deployment does not want answered.
func (a *API) bare(r *request, res response) response {
	switch {
	case !a.BareWrites || res.err != nil || res.status != http.StatusOK:
	case r.Method == http.MethodPut:
		res.body = nil
	case r.Method == http.MethodDelete:
		res.body, res.status = nil, http.StatusNoContent
	}
	return res
}

func noRoute() response {
	return rejected(whisk.Errorf(whisk.NotFound, "The requested resource could not be found."))
}

// isList says that rest names a collection itself, with or without a slash behind it.
func isList(rest []string) bool { return len(rest) == 0 || len(rest) == 1 && rest[0] == "" }

// verbs are what answers for one entity, by HTTP method.
type verbs map[string]func(a *API, r *request) response

// These are made once, since every invocation is routed by them.
var (
	actionVerbs = verbs{
		http.MethodGet: (*API).getAction, http.MethodPut: (*API).putAction, http.MethodDelete: (*API).deleteAction, http.MethodPost: (*API).invokeAction,
	}
	packageVerbs = verbs{http.MethodGet: (*API).getPackage, http.MethodPut: (*API).putPackage, http.MethodDelete: (*API).deletePackage}
	triggerVerbs = verbs{
		http.MethodGet: (*API).getTrigger, http.MethodPut: (*API).putTrigger, http.MethodDelete: (*API).deleteTrigger, http.MethodPost: (*API).fireTrigger,
	}
	ruleVerbs = verbs{
		http.MethodGet: (*API).getRule, http.MethodPut: (*API).putRule, http.MethodDelete: (*API).deleteRule, http.MethodPost: (*API).setRuleState,
	}
)

func (a *API) actionRoutes(r *request, rest []string) (handler, error) {
	if len(rest) == 2 && rest[1] == "" && r.Method == http.MethodGet {
		if err := checkName(rest[0]); err != nil {
			return nil, err
		}
		return a.listPackageActions(rest[0]), nil
	}
	return a.entityRoutes(r, rest, whisk.Actions, 2, actionVerbs)
}

func (a *API) packageRoutes(r *request, rest []string) (handler, error) {
	return a.entityRoutes(r, rest, whisk.Packages, 1, packageVerbs)
}

func (a *API) triggerRoutes(r *request, rest []string) (handler, error) {
	return a.entityRoutes(r, rest, whisk.Triggers, 1, triggerVerbs)
}

func (a *API) ruleRoutes(r *request, rest []string) (handler, error) {
	return a.entityRoutes(r, rest, whisk.Rules, 1, ruleVerbs)
}

// entityRoutes finds the handler of a collection, which is listed by GET, or of
// one entity, whose name of at most depth segments it leaves in r. The handler is
// nil when there is no such path or no such method.
func (a *API) entityRoutes(r *request, rest []string, c whisk.Collection, depth int, on verbs) (handler, error) {
	if isList(rest) {
		if r.Method != http.MethodGet {
			return nil, nil
		}
		return a.list(c, whisk.Path(r.namespace)), nil
	}
	verb := on[r.Method]
	if verb == nil || len(rest) > depth || slices.Contains(rest, "") {
		return nil, nil
	}
	for _, segment := range rest {
		if err := checkName(segment); err != nil {
			return nil, err
		}
	}
	r.name = whisk.FullName{Path: whisk.Path(r.namespace), Name: rest[len(rest)-1]}
	if len(rest) == 2 {
		r.name.Path = r.name.Path.Join(rest[0])
	}
	return func(r *request) response { return onPresentState(a, r, verb) }, nil
}

// onPresentState calls a handler once more when the entity had been changed by another
// controller whose notice was on its way: what the handler read was old, and is read anew. Where there
// is no other, who was overtaken is told so, as by OpenWhisk.
func onPresentState(a *API, r *request, verb func(*API, *request) response) response {
	res := verb(a, r)
	if a.Shared && (r.Method == http.MethodPut || r.Method == http.MethodDelete) && errors.Is(res.err, store.ErrConflict) {
		res = verb(a, r)
	}
	return res
}

func checkName(segment string) error {
	if n := len([]rune(segment)); n > whisk.MaxNameLength {
		return whisk.Errorf(whisk.BadRequest, "Name segement longer than allowed: %d > %d.", n, whisk.MaxNameLength)
	}
	if !whisk.ValidName(segment) {
		return whisk.Errorf(whisk.BadRequest, "The name of the entity contains illegal characters.")
	}
	return nil
}

func (a *API) activationRoutes(r *request, rest []string) (handler, error) {
	if r.Method != http.MethodGet {
		return nil, nil
	}
	if isList(rest) {
		return a.listActivations, nil
	}
	id, err := whisk.ParseActivationID(rest[0])
	if err != nil {
		return nil, err
	}
	views := map[string]func(*request, whisk.ActivationID) response{
		"": a.getActivation, "logs": a.getActivationLogs, "result": a.getActivationResult,
	}
	sub := ""
	if len(rest) > 1 {
		sub = rest[1]
	}
	view := views[sub]
	if view == nil || len(rest) > 2 {
		return nil, nil
	}
	return func(r *request) response { return view(r, id) }, nil
}

func (a *API) limitRoutes(r *request, rest []string) (handler, error) {
	switch {
	case r.Method != http.MethodGet:
		return nil, nil
	case isList(rest):
		return a.getLimits, nil
	}
	return nil, whisk.Errorf(whisk.BadRequest, "Inner entity level routes for limits are not yet implemented.")
}
