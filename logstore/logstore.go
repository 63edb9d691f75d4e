// Package logstore keeps the log lines of activations.
//
// A Store promises that lines it confirmed can be read for as long as the
// record of their activation. What every implementation must do is written
// twice: in the comments here, for people, and in package logstoretest, for
// machines.
package logstore

import (
	"context"

	"quirl/whisk"
)

// A Store keeps log lines. Its methods may be called from many goroutines at once.
type Store interface {
	// Write keeps the lines of an activation that has ended and returns those
	// that its record should carry, which may be none.
	Write(ctx context.Context, a *whisk.Activation, lines []string) (inRecord []string, err error)

	// Lines returns the lines of an activation; record is what the store of
	// records has of it.
	Lines(ctx context.Context, record *whisk.Activation) ([]string, error)
}
