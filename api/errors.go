package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// statuses maps what can be done about an error to HTTP. It is the only such map.
var statuses = map[whisk.Kind]int{
	whisk.Internal:           http.StatusInternalServerError,
	whisk.BadRequest:         http.StatusBadRequest,
	whisk.MalformedParameter: http.StatusBadRequest,
	whisk.Unauthenticated:    http.StatusUnauthorized,
	whisk.Forbidden:          http.StatusForbidden,
	whisk.NotFound:           http.StatusNotFound,
	whisk.Conflict:           http.StatusConflict,
	whisk.TooLarge:           http.StatusRequestEntityTooLarge,
	whisk.Unsupported:        http.StatusUnsupportedMediaType,
	whisk.TooManyRequests:    http.StatusTooManyRequests,
	whisk.Unavailable:        http.StatusServiceUnavailable,
	whisk.NotAllowed:         http.StatusMethodNotAllowed,
	whisk.NotAcceptable:      http.StatusNotAcceptable,
}

// storeRetry is when to try again what a database that is away was needed for.
const storeRetry = 5 * time.Second

type errorBody struct {
	Error string `json:"error"`
	Code  string `json:"code"`
}

// errorBody returns status and body for err, and whether it counts as a
// rejection of the request as such, which has no CORS headers.
func (r *request) errorBody(err error) (status int, body []byte, rejection bool) {
	e := r.explain(err)
	if e.Kind == whisk.Unauthenticated {
		r.w.Header().Set("WWW-Authenticate", `Basic realm="OpenWhisk secure realm",charset=UTF-8`)
	}
	return statuses[e.Kind], whisk.Marshal(errorBody{e.Message, r.tid}), isRejection(err, e)
}

// explain returns what the user is told of err. What is not meant for the user is
// logged and told without detail. It says in a header when to try again.
func (r *request) explain(err error) *whisk.Error {
	var e *whisk.Error
	switch {
	case errors.As(err, &e) && e.Kind != whisk.Internal:
	case errors.As(err, &e):
		r.api.Log.Error("request failed", "tid", r.tid, "error", err)
	case errors.Is(err, store.ErrConflict):
		e = whisk.Errorf(whisk.Conflict, "Concurrent modification to resource detected.")
	case errors.Is(err, store.ErrUnavailable):
		r.api.Log.Error("request failed", "tid", r.tid, "error", err)
		e = whisk.Errorf(whisk.Unavailable, "The database is not available; try again later.")
		e.RetryAfter = storeRetry
	case errors.Is(err, context.Canceled):
		e = whisk.Errorf(whisk.Unavailable, "The request was canceled.")
	default:
		r.api.Log.Error("request failed", "tid", r.tid, "error", err)
		e = whisk.Errorf(whisk.Internal, "There was an internal server error.")
	}
	if e.RetryAfter > 0 {
		r.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	return e
}

func isRejection(err error, e *whisk.Error) bool {
	return e.Kind == whisk.MalformedParameter || e.Kind == whisk.Unsupported || errors.Is(err, errRejection)
}

// errRejection marks errors found while the request itself was read.
var errRejection = errors.New("request rejected")

// reject marks err as found while the request itself was read.
func reject(err error) error {
	var e *whisk.Error
	if !errors.As(err, &e) {
		return err
	}
	marked := *e
	marked.Cause = errRejection
	return &marked
}
