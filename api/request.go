package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"quirl/api/web"
	"quirl/identity"
	"quirl/whisk"
)

// A request is an HTTP request with what the way here has found out.
type request struct {
	*http.Request
	api      *API
	w        http.ResponseWriter
	tid      string
	received time.Time
	query    url.Values // once it was asked for

	caller    *whisk.Identity
	namespace string         // of the path, "_" resolved
	name      whisk.FullName // of the entity, where the path names one
	members   members        // of the body, once it was read
}

// transactionID takes the client's id unless it pretends to be one of the system's.
func transactionID(r *http.Request) string {
	if ids, given := r.Header["X-Request-Id"]; given && !strings.HasPrefix(ids[0], "sid_") {
		return ids[0]
	}
	return whisk.NewTransactionID()
}

// extraLogging says whether the client asks for the records to be kept whatever
// the store level (OpenWhisk also logs more then).
func (r *request) extraLogging() bool { return r.Header.Get("X-Ow-Extra-Logging") == "on" }

// authenticate finds out who makes a request about a namespace.
func (a *API) authenticate(r *request, namespace string) error {
	const missing = "The resource requires authentication, which was not supplied with the request"
	c, ok := credentials(r.Header.Get("Authorization"))
	if !ok || c.Token != "" && !a.Tokens {
		return whisk.Errorf(whisk.Unauthenticated, missing)
	}
	c.Namespace = namespace
	id, err := a.Identities.Authenticate(r.Context(), c)
	if errors.Is(err, identity.ErrUnknown) {
		return whisk.Errorf(whisk.Unauthenticated, "The supplied authentication is invalid")
	}
	r.caller = id
	return err
}

// inScope says whether a key of the scope may send the method to a collection.
func inScope(scope whisk.Scope, method, collection string) bool {
	switch scope {
	case whisk.AllScope:
		return true
	case whisk.ReadScope:
		return method == http.MethodGet || method == http.MethodHead
	case whisk.InvokeScope:
		return method == http.MethodPost && (collection == string(whisk.Actions) || collection == string(whisk.Triggers))
	}
	return false
}

func outOfScope(scope whisk.Scope) error {
	return whisk.Errorf(whisk.Forbidden, "The supplied authentication is not authorized to do this: it is a key of scope '%s'.", scope)
}

// credentials reads a header with a Basic pair, or a bearer token. Unlike http.Request.BasicAuth it
// accepts a pair without a colon.
func credentials(header string) (c identity.Credentials, ok bool) {
	scheme, text, found := strings.Cut(header, " ")
	text = strings.TrimSpace(text)
	if found && strings.EqualFold(scheme, "Bearer") && text != "" {
		return identity.Credentials{Token: text}, true
	}
	if !found || !strings.EqualFold(scheme, "Basic") {
		return c, false
	}
	pair, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return c, false
	}
	c.User, c.Password, _ = strings.Cut(string(pair), ":")
	return c, true
}

func (r *request) setNamespace(segment string) error {
	if segment == whisk.DefaultNamespace {
		r.namespace = r.caller.Namespace
		return nil
	}
	if n := len([]rune(segment)); n > whisk.MaxNameLength {
		return whisk.Errorf(whisk.BadRequest, "Namespace longer than allowed: %d > %d.", n, whisk.MaxNameLength)
	}
	if !whisk.ValidName(segment) {
		return whisk.Errorf(whisk.BadRequest, "The namespace contains illegal characters.")
	}
	r.namespace = segment
	return nil
}

// A response is what a handler answers.
type response struct {
	status int
	body   any    // encoded as JSON, unless nil
	raw    []byte // sent as it is, instead of body
	text   string // sent as plain text, instead of body
	header http.Header
	// contentType is that of raw, empty for JSON.
	contentType string
	// fields are sent beside all other headers, their names as they are written.
	fields []web.Field
	// stream sends the body piece by piece, instead of body.
	stream func(ctx context.Context, s *stream) error
	// routing says that no handler of a resource made it: then it has no CORS headers.
	routing bool
	err     error
}

func ok(body any) response                  { return response{status: http.StatusOK, body: body} }
func text(status int, text string) response { return response{status: status, text: text} }
func failed(err error) response             { return response{err: err} }
func rejected(err error) response           { return response{err: err, routing: true} }

// answer makes the response of a handler that has a value or an error.
func answer[T any](value T, err error) response {
	if err != nil {
		return failed(err)
	}
	return ok(value)
}

var corsHeaders = [...][2]string{
	{"Access-Control-Allow-Origin", "*"},
	{"Access-Control-Allow-Headers", "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"},
	{"Access-Control-Allow-Methods", "GET, DELETE, POST, PUT, HEAD"},
}

// reply sends the response: the one place where values and errors become HTTP.
func (r *request) reply(res response) {
	h := r.w.Header()
	h["X-Request-Id"] = []string{r.tid}
	var body []byte
	if res.err != nil {
		var rejection bool
		res.status, body, rejection = r.errorBody(res.err)
		res.routing = res.routing || rejection
	}
	if !res.routing {
		for _, cors := range corsHeaders {
			h[cors[0]] = []string{cors[1]}
		}
	}
	for name, values := range res.header {
		h[name] = values
	}
	for _, f := range res.fields {
		h[f.Name] = append(h[f.Name], f.Value)
	}
	if res.stream != nil {
		h["Content-Type"] = []string{res.contentType}
		r.play(res)
		return
	}
	contentType := "application/json"
	if body == nil {
		contentType, body = res.content()
	}
	if contentType != "" {
		h["Content-Type"] = []string{contentType}
	}
	if res.status != http.StatusNoContent && res.status != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	r.w.WriteHeader(res.status)
	if r.Method != http.MethodHead {
		r.w.Write(body) // the client's loss when it is gone
	}
}

// content is what the response consists of.
func (res *response) content() (contentType string, body []byte) {
	switch {
	case res.text != "":
		return "text/plain; charset=UTF-8", []byte(res.text)
	case res.raw != nil && res.contentType != "":
		return res.contentType, res.raw
	case res.raw != nil:
		return "application/json", res.raw
	case res.body != nil:
		return "application/json", whisk.Marshal(res.body)
	}
	return "", nil
}
