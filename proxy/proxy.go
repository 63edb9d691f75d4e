// Package proxy is the client half of the /init and /run protocol: it speaks to
// the HTTP server of one container.
//
// It promises to tell apart what the caller must tell apart: what the runtime
// answered (an Outcome, whatever its status), that the function provably did not
// start (ErrNotStarted), that nobody knows (ErrConnection), and that time is up
// (ErrTimeout). It never keeps more of an answer than was asked for.
//
// It is lean because it is on the way of every activation: arguments are passed
// on as they came, not decoded; kept connections are used again; a call makes
// two system calls and a handful of allocations. Read client.go for the
// connections, message.go for what is sent, reply.go for what is read, and
// outcome.go for what an answer means for the activation.
package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"time"
)

var (
	// ErrNotStarted says that the request provably did not reach the runtime: no
	// connection was made, or it broke before the first byte was written. The call
	// can be repeated elsewhere.
	ErrNotStarted = errors.New("request was not delivered to the runtime")
	// ErrConnection says that the runtime got the request and closed the
	// connection, or answered with something that is no HTTP response.
	ErrConnection = errors.New("runtime did not answer")
	// ErrTimeout says that the context ended before the answer was complete. The
	// function may still run.
	ErrTimeout = errors.New("runtime did not answer in time")
	// ErrClosed says that the Client was closed.
	ErrClosed = errors.New("proxy client closed")
)

// A DialFunc makes a connection to the runtime, e.g. container.Container's Dial.
type DialFunc func(ctx context.Context) (net.Conn, error)

// Options say how a Client treats its runtime. The zero value suits a foreign image.
type Options struct {
	// KeepAlive is how many idle connections are kept, for runtimes that like to
	// be kept connected to: ours, as many as they run activations at once. With 0
	// each request has its own, as foreign images expect.
	KeepAlive int

	// RequireLength treats an answer without Content-Length as no answer
	// (ErrConnection), as OpenWhisk's default client does.
	RequireLength bool
}

// A Limit bounds what is kept of an answer's body.
type Limit struct {
	// Response is the most bytes that a body may have; 0 means no bound.
	Response int64
	// Truncation is how many bytes of a longer body are kept.
	Truncation int64
}

// An InitRequest loads the code of an action.
type InitRequest struct {
	Name   string
	Main   string // entry point; runtimes expect "main" when the user named none
	Code   string // source text, or base64 with Binary; empty leaves the member out
	Binary bool
	Env    map[string]string // init parameters and __OW_*

	// Folder tells a runtime of ours that the code, an archive, lies unpacked in a
	// folder of its container, which it may change. Code is then empty.
	Folder string

	// Shared says that a runtime of ours may have to run several activations at
	// once, and is to tell whose output is whose.
	Shared bool

	Limit Limit
}

// A RunRequest is one activation.
type RunRequest struct {
	// Value is the JSON text of the arguments, an object or an array. It is sent
	// as it is; nil sends {}.
	Value json.RawMessage

	Namespace     string
	ActionName    string // "/<namespace>/[<package>/]<name>"
	ActionVersion string
	ActivationID  string
	TransactionID string
	Deadline      time.Time
	APIKey        string // empty leaves the member out

	// Sentinels says when a runtime of ours is to write them.
	Sentinels Sentinels

	Limit Limit
}

// Sentinels says when a runtime ends the output of an activation with the lines that
// the runtime contract asks for. Who can tell by the pipes that all was read needs
// none, and each costs two writes and two reads.
type Sentinels int

const (
	// Always is the contract.
	Always Sentinels = iota
	// IfPrinted leaves them out where the runtime printed nothing.
	IfPrinted
	// Never leaves them out.
	Never
)

// An Outcome is what the runtime answered.
type Outcome struct {
	// Status is the HTTP status code.
	Status int
	// Body is the answer's body, or its beginning when Truncated. It is the caller's.
	Body []byte
	// Length is the body's full length in bytes.
	Length int64
	// Truncated says that the body was longer than Limit.Response.
	Truncated bool
	// Silent says that the runtime wrote no sentinels. All that it printed was written
	// before it answered.
	Silent bool
	// Compiled says that the runtime compiled the code, so that there is something for
	// Client.Compiled to fetch.
	Compiled bool
	// Duration is the time from the call to the end of the answer. It is also set
	// when the call failed.
	Duration time.Duration
}
