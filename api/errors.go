package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

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
}

type errorBody struct {
	Error string `json:"error"`
	Code  string `json:"code"`
}

// errorBody returns status and body for err, and whether it counts as a
// rejection of the request as such, which has no CORS headers. What is not
// meant for the user is logged and answered without detail.
func (r *request) errorBody(err error) (status int, body []byte, rejection bool) {
	var e *whisk.Error
	switch {
	case errors.As(err, &e) && e.Kind != whisk.Internal:
	case errors.As(err, &e):
		r.api.Log.Error("request failed", "tid", r.tid, "error", err)
	case errors.Is(err, store.ErrConflict):
		e = whisk.Errorf(whisk.Conflict, "Concurrent modification to resource detected.")
	case errors.Is(err, context.Canceled):
		e = whisk.Errorf(whisk.Unavailable, "The request was canceled.")
	default:
		r.api.Log.Error("request failed", "tid", r.tid, "error", err)
		e = whisk.Errorf(whisk.Internal, "There was an internal server error.")
	}
	h := r.w.Header()
	if e.Kind == whisk.Unauthenticated {
		h.Set("WWW-Authenticate", `Basic realm="OpenWhisk secure realm",charset=UTF-8`)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	rejection = e.Kind == whisk.MalformedParameter || e.Kind == whisk.Unsupported || errors.Is(err, errRejection)
	return statuses[e.Kind], whisk.Marshal(errorBody{e.Message, r.tid}), rejection
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
