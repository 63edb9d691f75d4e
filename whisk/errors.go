package whisk

import (
	"errors"
	"fmt"
	"time"
)

// A Kind says what a caller can do about an error. Package api turns kinds into
// HTTP status codes; nothing else does.
type Kind int

// The kinds of errors.
const (
	Internal           Kind = iota // we failed
	BadRequest                     // the request can never work
	Unauthenticated                // no or wrong credentials
	Forbidden                      // known, but not allowed
	NotFound                       // nothing by that name
	Conflict                       // exists already, is something else, or was changed meanwhile
	TooLarge                       // beyond a size limit
	Unsupported                    // content type that is not understood
	TooManyRequests                // a limit per time or concurrency is used up
	Unavailable                    // try again later
	NotAllowed                     // method not allowed
	RequestTooLarge                // body beyond what is read at all
	MalformedParameter             // a query parameter that cannot be read
	NotAcceptable                  // the client does not accept what there is
)

// An Error is an error that is meant for the user: Message is shown as it is.
type Error struct {
	Kind    Kind
	Message string
	// RetryAfter, when positive, says when the same request may work.
	RetryAfter time.Duration
	Cause      error
}

// Errorf makes an Error of a kind with a formatted message.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Malformed is the error for request content that cannot be understood
// (OpenWhisk: "The request content was malformed:" and a line of detail).
func Malformed(format string, args ...any) *Error {
	return Errorf(BadRequest, "The request content was malformed:\n"+format, args...)
}

// Missing is the answer about what is not there, or what the caller may not know of.
func Missing() *Error {
	return Errorf(NotFound, "The requested resource does not exist.")
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// KindOf returns the kind of err, Internal when it is not an Error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
