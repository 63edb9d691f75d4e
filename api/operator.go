package api

import (
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"quirl/api/sdk"
	"quirl/balancer"
)

// routeOutside serves what is not part of the versioned API. OpenWhisk lets
// everybody see what its operators may; here that is for the machine itself and
// for those who have the operator's credentials.
func (a *API) routeOutside(r *request, path string) {
	switch path {
	case "/":
		r.reply(onGet(r, "GET, OPTIONS", a.info))
	case "/ping":
		r.reply(onGet(r, "GET, OPTIONS", func(*request) response { return text(http.StatusOK, "pong") }))
	case "/invokers":
		r.reply(a.operatorGet(r, a.listInvokers))
	case "/invokers/healthy/count":
		r.reply(a.operatorGet(r, func(*request) response { return ok(len(healthy(a.Invokers()))) }))
	case "/invokers/ready":
		r.reply(a.operatorGet(r, a.invokersReady))
	case "/activation":
		r.reply(a.operatorGet(r, a.running))
	case "/activation/count":
		r.reply(a.operatorGet(r, func(*request) response { return ok(len(a.Dispatch.Running())) }))
	case "/metrics":
		a.metrics(r)
	case "/disable":
		if r.Method != http.MethodPost {
			r.reply(notAllowed("OPTIONS, POST"))
			return
		}
		r.reply(operatorCORS(a.disable(r)))
	case "/blackbox.tar.gz":
		r.reply(onGet(r, "GET, OPTIONS", func(*request) response {
			return response{status: http.StatusOK, raw: sdk.Docker(), contentType: "application/gzip"}
		}))
	case "/activations":
		r.reply(noRoute())
	default:
		a.routeInvoker(r, path)
	}
}

// routeInvoker serves what there is of one invoker, which OpenWhisk does not have.
func (a *API) routeInvoker(r *request, path string) {
	number, below := strings.CutPrefix(path, "/invokers/")
	number, pool := strings.CutSuffix(number, "/pool")
	if !below || !pool {
		r.reply(notAllowed("OPTIONS"))
		return
	}
	r.reply(a.operatorGet(r, func(*request) response {
		if n, err := strconv.Atoi(number); err == nil {
			if view, known := a.Pool(n); known {
				return ok(view)
			}
		}
		return noRoute()
	}))
}

func onGet(r *request, methods string, h handler) response {
	if r.Method != http.MethodGet {
		return notAllowed(methods)
	}
	res := h(r)
	res.routing = true
	return res
}

func operatorCORS(res response) response {
	res.header = http.Header{"Access-Control-Allow-Methods": {"OPTIONS, GET, POST"}}
	return res
}

func (a *API) operatorGet(r *request, h handler) response {
	if refusal, refused := a.refuseOperatorGet(r); refused {
		return refusal
	}
	return operatorCORS(h(r))
}

// refuseOperatorGet refuses what is no GET of an operator.
func (a *API) refuseOperatorGet(r *request) (response, bool) {
	switch {
	case r.Method != http.MethodGet:
		return notAllowed("GET, OPTIONS"), true
	case !r.fromHere() && !a.isOperator(r):
		return operatorCORS(r.unauthorized(NoCredentials)), true
	}
	return response{}, false
}

// metrics are of Prometheus's own making, as their consumer wants them.
func (a *API) metrics(r *request) {
	if refusal, refused := a.refuseOperatorGet(r); refused {
		r.reply(refusal)
		return
	}
	a.Metrics.ServeHTTP(r.w, r.Request)
}

// fromHere says whether the client is on this machine.
func (r *request) fromHere() bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// isOperator says whether the request has the operator's credentials, which
// nobody has when none are configured.
func (a *API) isOperator(r *request) bool { return IsOperator(r.Request, a.OperatorKey) }

// IsOperator says whether a request has the operator's key, user:password; an empty one is nobody's.
func IsOperator(r *http.Request, key string) bool {
	c, given := credentials(r.Header.Get("Authorization"))
	pair := []byte(c.User + ":" + c.Password)
	return given && c.Token == "" && key != "" && subtle.ConstantTimeCompare(pair, []byte(key)) == 1
}

// NoCredentials is what those are told who are not the operator.
const NoCredentials = "Authentication is possible but has failed or not yet been provided."

// unauthorized answers 401 without asking for the credentials of a namespace.
func (r *request) unauthorized(text string) response {
	return response{status: http.StatusUnauthorized, body: errorBody{text, r.tid}}
}

func healthy(all []balancer.Invoker) (up []balancer.Invoker) {
	for _, i := range all {
		if i.State == balancer.Up {
			up = append(up, i)
		}
	}
	return up
}

func (a *API) listInvokers(*request) response {
	states := make(map[string]balancer.State)
	for _, i := range a.Invokers() {
		states[i.Name] = i.State
	}
	return ok(states)
}

// invokersReady says whether all invokers are up, and that there is one.
func (a *API) invokersReady(*request) response {
	all := a.Invokers()
	up := healthy(all)
	count := strconv.Itoa(len(up)) + "/" + strconv.Itoa(len(all))
	if len(all) == 0 || len(up) < len(all) {
		return response{status: http.StatusInternalServerError, body: map[string]string{"unhealthy": count}}
	}
	return ok(map[string]string{"healthy": count})
}

// running lists what runs as pairs of id and "ns/name@version".
func (a *API) running(*request) response {
	pairs := [][2]string{}
	for _, r := range a.Dispatch.Running() {
		pairs = append(pairs, [2]string{string(r.ID), r.Action.ID() + "@" + r.Version.String()})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return ok(pairs)
}

// disable has this controller refuse new activations from now on.
func (a *API) disable(r *request) response {
	if _, given := credentials(r.Header.Get("Authorization")); !given {
		return r.unauthorized(NoCredentials)
	}
	if !a.isOperator(r) {
		a.Log.Warn("somebody tried to disable the controller", "address", r.RemoteAddr)
		return r.unauthorized("username or password are wrong.")
	}
	a.Dispatch.Disable()
	a.Log.Warn("the controller is disabled: it refuses activations until it is started again")
	return text(http.StatusOK, "controller is disabled")
}
