// Package balancer chooses the invoker for an activation.
//
// A Balancer promises to name only invokers that it believes to be healthy, and
// to be told of everything it placed exactly once more, when it ended. What
// every implementation must do is written in the comments here.
package balancer

import (
	"context"
	"errors"
	"time"

	"quirl/whisk"
)

// Work is what a balancer knows of an activation.
type Work struct {
	Activation whisk.ActivationID
	Namespace  string
	Action     whisk.FullName
	MemoryMB   int
	// Concurrency is how many activations of the action a container runs at once.
	Concurrency int
	Blackbox    bool // runs the action's own image
}

// ErrFull says that as much work waits on each invoker as may. Trying again later may work.
var ErrFull = errors.New("too much work waits on the invokers")

// UnavailableText is what callers are told when nothing can be run, in OpenWhisk's words.
const UnavailableText = "The server is currently unavailable (because it is overloaded or down for maintenance)."

// retryAfter is after how long it is worth trying again when a part is away.
const retryAfter = 5 * time.Second

// Unavailable is the error for it that says when to try again; the cause is for the log.
func Unavailable(cause error) *whisk.Error {
	return &whisk.Error{Kind: whisk.Unavailable, Message: UnavailableText, RetryAfter: retryAfter, Cause: cause}
}

// An Outcome is how placed work ended, as far as it says something of its invoker.
type Outcome int

// The outcomes.
const (
	Unknown     Outcome = iota // it never got there, or nobody knows
	Completed                  // the invoker is well, whatever the function did
	SystemError                // the invoker failed
	TimedOut                   // the invoker did not say anything in time
)

// A Balancer places work. Its methods may be called from many goroutines at once.
type Balancer interface {
	// Place returns the number of the invoker that should run w; a whisk.Error of kind Unavailable when
	// there is none, or ErrFull.
	Place(ctx context.Context, w Work) (invoker int, err error)

	// Ended tells that placed work has ended, and how.
	Ended(w Work, invoker int, o Outcome)

	// Invokers returns the invokers that it knows, by number.
	Invokers() []Invoker
}

// A State is what a balancer believes of an invoker (OpenWhisk's words).
type State string

// The states.
const (
	Up           State = "up"
	Unhealthy    State = "unhealthy"    // its containers fail
	Unresponsive State = "unresponsive" // it does not acknowledge
	Down         State = "down"         // it is not heard of
)

// An Invoker is one that a balancer knows.
type Invoker struct {
	Name  string // "invoker<N>/<name>"
	State State
}
