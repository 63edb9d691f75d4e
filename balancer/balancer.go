// Package balancer chooses the invoker for an activation.
//
// A Balancer promises to name only invokers that it believes to be healthy, and
// to be told of everything it placed exactly once more, when it ended. What
// every implementation must do is written in the comments here.
package balancer

import (
	"context"

	"quirl/whisk"
)

// Work is what a balancer knows of an activation.
type Work struct {
	Activation whisk.ActivationID
	Namespace  string
	Action     whisk.FullName
	MemoryMB   int
	Blackbox   bool // runs the action's own image
}

// A Balancer places work. Its methods may be called from many goroutines at once.
type Balancer interface {
	// Place returns the number of the invoker that should run w, or a whisk.Error
	// of kind Unavailable when there is none.
	Place(ctx context.Context, w Work) (invoker int, err error)

	// Ended tells that placed work has ended, well or not.
	Ended(w Work, invoker int)

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
