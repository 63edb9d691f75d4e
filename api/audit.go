package api

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// auditPatience is how long a change waits for its entry in the audit log.
const auditPatience = 5 * time.Second

// changes says whether a request to a collection is to change something that stays.
func changes(method, collection string) bool {
	return method == http.MethodPut || method == http.MethodDelete || method == http.MethodPost && collection == string(whisk.Rules)
}

// audit keeps a change, or the attempt at one, in the audit log before it is answered. The change
// stands even where that fails; then the log of the process has the entry.
func (a *API) audit(r *request, collection string, rest []string, res response) {
	if a.Audit == nil || !changes(r.Method, collection) {
		return
	}
	e := store.NewAuditEntry(a.Now())
	e.Actor, e.Key, e.Namespace, e.Action, e.TID = r.caller.Subject, r.caller.Key.UUID, r.namespace, r.Method, r.tid
	e.Target = strings.Join(append([]string{collection}, rest...), "/")
	if e.Status = res.status; res.err != nil {
		e.Status, _, _ = r.errorBody(res.err)
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		e.From = host
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditPatience)
	defer cancel()
	if err := a.Audit.PutAudit(ctx, e); err != nil {
		a.Log.Error("a change is not in the audit log", "entry", string(whisk.Marshal(e)), "error", err)
	}
}
