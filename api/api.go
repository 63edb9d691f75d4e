// Package api serves the REST API of OpenWhisk, version 1.
//
// It promises the exact statuses and texts of the contract: clients decide by
// them. Read routes.go, which shows the whole surface, then request.go for what
// every handler has in common; each resource has a file of its own.
package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"quirl/balancer"
	"quirl/dispatch"
	"quirl/entitlement"
	"quirl/identity"
	"quirl/logstore"
	"quirl/result"
	"quirl/store"
	"quirl/whisk"
)

// Config are an API's parts.
type Config struct {
	Entities store.Entities
	// Shared says that other processes change entities, too.
	Shared      bool
	Activations store.Activations
	Attachments store.Attachments
	// Audit keeps changes of entities; nil keeps none.
	Audit      store.Audit
	Identities identity.Provider
	// Tokens says that Identities knows bearer tokens.
	Tokens      bool
	Entitlement entitlement.Entitlement
	Dispatch    *dispatch.Dispatcher
	Recorder    *result.Recorder
	Logs        logstore.Store
	// Invokers are those that there are.
	Invokers func() []balancer.Invoker
	// Metrics answers GET /metrics of operators.
	Metrics http.Handler
	// Pool returns a picture of the container pool of an invoker, by its number;
	// false when it is not known here.
	Pool func(invoker int) (view any, known bool)
	// OperatorKey is the operator's user:password; empty is nobody's.
	OperatorKey string
	// Tail returns the tail of an activation that runs in this process, false when none does.
	Tail   func(namespace string, id whisk.ActivationID) (Tail, bool)
	Kinds  Kinds
	Limits whisk.SystemLimits
	// AllowedKinds are those that actions of all namespaces may have, beside what a
	// namespace's own list allows; none is no restriction.
	AllowedKinds []string
	// ExecuteOnly hides what is in shared packages of others, which can still be invoked.
	ExecuteOnly bool
	// BareWrites leaves the bodies of successful PUT and DELETE empty.
	BareWrites bool
	// RequireWebExtension refuses paths of web actions that name no extension.
	RequireWebExtension bool
	// Build and BuildNumber are told to clients that ask.
	Build, BuildNumber string
	Log                *slog.Logger
	Now                func() time.Time
}

// Kinds are the runtimes on offer.
type Kinds interface {
	// ResolveKind returns the kind that a user's kind means, e.g. nodejs:20 for
	// nodejs:default; false when there is no such kind.
	ResolveKind(kind string) (resolved string, ok bool)
	// Names are all kinds, the language runtimes only.
	Names() []string
	// RequiresMain says whether actions of the kind must name their entry point.
	RequiresMain(kind string) bool
	// ValidImage says whether image can be the reference of a container image.
	ValidImage(image string) bool
	// Info is the "runtimes" object of the info document.
	Info() json.RawMessage
}

// An API is the handler of the whole surface. Make one with New.
type API struct {
	Config

	linking sync.Mutex // held while a rule and what its trigger knows of it change
}

// New returns an API.
func New(cfg Config) *API { return &API{Config: cfg} }

// ServeHTTP is that of http.Handler. Its time limit, body limit and connection
// handling are the ingress's.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.route(&request{api: a, w: w, Request: r, tid: transactionID(r), received: a.Now()})
}
