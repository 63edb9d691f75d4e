package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Status codes of an activation's response, as they are stored.
const (
	StatusSuccess          = 0
	StatusApplicationError = 1 // the function says that it failed, or its result cannot be kept
	StatusDeveloperError   = 2 // the function broke
	StatusInternalError    = 3 // we did
)

// The texts of result.error, as OpenWhisk has them; clients compare them. Those
// with verbs are formats for the functions of this file.
const (
	TextAbnormalInit       = "The action did not initialize and exited unexpectedly."
	TextAbnormalRun        = "The action did not produce a valid response and exited unexpectedly."
	TextInvalidInit        = "The action failed during initialization: %s"
	TextInvalidInitEmpty   = "The action failed during initialization."
	TextInvalidRun         = "The action did not produce a valid JSON or JSON Array response: %s"
	TextInvalidRunEmpty    = "The action did not produce a valid JSON or JSON Array response."
	TextTimeoutRun         = "The action exceeded its time limits of %d milliseconds."
	TextTimeoutInit        = "The action exceeded its time limits of %d milliseconds during initialization."
	TextOutOfMemory        = "The action exhausted its memory and was aborted."
	TextTruncated          = "The action produced a response that exceeded the allowed length: %d > %d bytes. The truncated response was: %s"
	TextPullFailed         = "Failed to pull container image '%s'."
	TextCommandMissing     = "executable file not found in image %s"
	TextNoResources        = "Failed to provision resources to run the action."
	TextBlacklisted        = "The action was not invoked due to a blacklisted namespace."
	TextNamespaceLimit     = "The namespace limit is less than or equal to 0."
	TextActionGone         = "Action could not be found or may have been deleted."
	TextActionIncompatible = "Action version is not compatible and cannot be invoked."
	TextActionNotFetched   = "Action could not be fetched."
)

// A Response is the response member of an activation record.
type Response struct {
	StatusCode int             // one of the Status constants
	Result     json.RawMessage // a JSON object or array
	// Size is the length of the runtime's answer: its UTF-16 code units, or its
	// bytes when it was too long. It is nil for errors made by the platform.
	Size *int
}

// ApplicationError is a Response made by the platform on the function's behalf.
func ApplicationError(text string) Response { return platformError(StatusApplicationError, text) }

// DeveloperError is a Response made by the platform about a function that broke,
// e.g. DeveloperError(TextOutOfMemory).
func DeveloperError(text string) Response { return platformError(StatusDeveloperError, text) }

// InternalError is a Response made by the platform about itself, e.g.
// InternalError(TextNoResources).
func InternalError(text string) Response { return platformError(StatusInternalError, text) }

func platformError(status int, text string) Response {
	return Response{StatusCode: status, Result: errorResult(appendString(nil, text))}
}

// PullFailed is the developer error for an image, named as the user did, that
// cannot be had.
func PullFailed(image string) Response { return DeveloperError(fmt.Sprintf(TextPullFailed, image)) }

// CommandMissing is the developer error for an image without its entry point.
func CommandMissing(image string) Response {
	return DeveloperError(fmt.Sprintf(TextCommandMissing, image))
}

// InitTimeout is the developer error of an /init that reached the time limit.
func InitTimeout(limit time.Duration) Response {
	return DeveloperError(fmt.Sprintf(TextTimeoutInit, limit.Milliseconds()))
}

// RunTimeout is the developer error of a /run that reached the time limit.
func RunTimeout(limit time.Duration) Response {
	return DeveloperError(fmt.Sprintf(TextTimeoutRun, limit.Milliseconds()))
}

// A Verdict says what follows from an exchange with a runtime.
type Verdict int

const (
	// Finished: the Response is what the activation came to. After a successful
	// /init there is none, and the run follows.
	Finished Verdict = iota
	// TimedOut: like Finished, and the record's annotation timeout is true.
	TimedOut
	// Elsewhere: nothing is recorded; the activation goes to another container,
	// for the function did not start.
	Elsewhere
)

// InitResponse tells what an /init with the given limits came to. ok says that
// the action is loaded; else the activation ends with the Response, or is
// repeated when the Verdict is Elsewhere.
func InitResponse(out Outcome, err error, timeout time.Duration, limit Limit) (r Response, v Verdict, ok bool) {
	switch {
	case isTimeout(out, err, timeout):
		return InitTimeout(timeout), TimedOut, false
	case errors.Is(err, ErrNotStarted):
		return Response{}, Elsewhere, false
	case err != nil:
		return DeveloperError(TextAbnormalInit), Finished, false
	case out.Status == 200:
		return Response{}, Finished, true
	case out.Truncated:
		return sized(StatusDeveloperError, truncated(out, limit), out), Finished, false
	default:
		failure, _ := errorMember(out.Body)
		if failure == nil {
			failure = bodyText(TextInvalidInit, TextInvalidInitEmpty, out.Body)
		}
		return sized(StatusDeveloperError, failure, out), Finished, false
	}
}

// RunResponse tells what a /run with the given limits came to.
func RunResponse(out Outcome, err error, timeout time.Duration, limit Limit) (Response, Verdict) {
	switch {
	case isTimeout(out, err, timeout):
		return RunTimeout(timeout), TimedOut
	case errors.Is(err, ErrNotStarted) || err == nil && out.Status == 503: // 503: the container is shutting down
		return Response{}, Elsewhere
	case err != nil:
		return DeveloperError(TextAbnormalRun), Finished
	case out.Truncated:
		return sized(StatusApplicationError, truncated(out, limit), out), Finished
	default:
		return answered(out), Finished
	}
}

// isTimeout counts the clock alone: an answer that came too late is none.
func isTimeout(out Outcome, err error, timeout time.Duration) bool {
	return errors.Is(err, ErrTimeout) || timeout > 0 && out.Duration >= timeout
}

// answered maps a complete answer to /run.
func answered(out Outcome) Response {
	failure, kind := errorMember(out.Body)
	switch {
	case out.Status == 200 && failure != nil:
		return sized(StatusApplicationError, failure, out)
	case out.Status == 200 && (kind == '{' || kind == '['):
		r := sized(StatusSuccess, nil, out)
		r.Result = validUTF8(bytes.TrimSpace(out.Body))
		return r
	case failure != nil:
		return sized(StatusDeveloperError, failure, out)
	default:
		return sized(StatusDeveloperError, bodyText(TextInvalidRun, TextInvalidRunEmpty, out.Body), out)
	}
}

// sized is a Response with an error value and the size of the answer.
func sized(status int, failure json.RawMessage, out Outcome) Response {
	size := utf16Length(out.Body)
	if out.Truncated {
		size = int(out.Length)
	}
	return Response{StatusCode: status, Result: errorResult(failure), Size: &size}
}

// errorResult is {"error": value}: whatever stood beside it is dropped.
func errorResult(value json.RawMessage) json.RawMessage {
	result := append(make([]byte, 0, len(value)+len(`{"error":}`)), `{"error":`...)
	return append(append(result, value...), '}')
}

// errorMember returns the value of a JSON object's member "error", nil without
// one, and the first character of the JSON text, 0 when it is none.
func errorMember(body []byte) (value json.RawMessage, kind byte) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || !json.Valid(body) {
		return nil, 0
	}
	kind = body[0]
	// Nearly every result has no such member: look before decoding it all.
	if kind != '{' || !bytes.Contains(body, []byte(`error"`)) && !bytes.Contains(body, []byte(`\u`)) {
		return nil, kind
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, 0
	}
	value, ok := members["error"]
	if !ok {
		return nil, kind
	}
	return validUTF8(value), kind
}

func truncated(out Outcome, limit Limit) json.RawMessage {
	return appendString(nil, fmt.Sprintf(TextTruncated, out.Length, limit.Response, strings.ToValidUTF8(string(out.Body), "\ufffd")))
}

func bodyText(format, empty string, body []byte) json.RawMessage {
	if len(body) == 0 {
		return appendString(nil, empty)
	}
	return appendString(nil, fmt.Sprintf(format, body))
}

// validUTF8 repairs JSON text with broken characters, which json.Valid lets pass.
func validUTF8(text json.RawMessage) json.RawMessage {
	if utf8.Valid(text) {
		return text
	}
	return bytes.ToValidUTF8(text, []byte("\ufffd"))
}

// utf16Length is the length that OpenWhisk's strings have, which "size" counts in.
func utf16Length(body []byte) int {
	n := 0
	for i := 0; i < len(body); {
		if body[i] < utf8.RuneSelf {
			i++
			n++
			continue
		}
		r, size := utf8.DecodeRune(body[i:])
		i += size
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
