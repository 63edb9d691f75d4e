// Package bus carries activations from controllers to invokers and results back.
//
// A Bus promises at-least-once delivery, in order within a topic and group,
// with a bound on what waits. What every implementation must do is written
// twice: in the comments here, for people, and in package bustest, for machines.
package bus

import (
	"context"
	"errors"
)

var (
	// ErrClosed says that the bus was closed.
	ErrClosed = errors.New("bus closed")
	// ErrFull says that as many messages wait on the topic as the bus may hold.
	// The message was not sent; trying again later may work.
	ErrFull = errors.New("bus topic is full")
	// ErrTooLarge says that the bus carries no message of that size.
	ErrTooLarge = errors.New("message is too large for the bus")
	// ErrAway says that the bus cannot be reached. The message may be sent nevertheless, or not.
	ErrAway = errors.New("the bus cannot be reached")
)

// A Message is anything that can be encoded. A bus within one process hands
// over the value itself, any other bus its encoding, as Raw.
type Message interface {
	// Encode returns the form in which the message leaves the process.
	Encode() []byte
}

// Raw is a message in its encoded form.
type Raw []byte

// Encode returns r.
func (r Raw) Encode() []byte { return r }

// A Bus moves messages by topic. Every group of receivers gets each message of
// a topic once; the members of a group share them.
// Its methods may be called from many goroutines at once.
type Bus interface {
	// Send returns once m was handed to the bus: it would survive whatever the
	// implementation survives. The message must not be changed afterwards.
	// Messages sent before the first receiver came wait for it.
	Send(ctx context.Context, topic string, m Message) error

	// Receive blocks for the next message on topic that no other member of group
	// holds. The caller ends every delivery with Ack or Nack.
	Receive(ctx context.Context, topic, group string) (Delivery, error)

	// Close releases the Bus; blocked calls return ErrClosed.
	Close() error
}

// A Delivery is one message held by one receiver.
type Delivery interface {
	Message() Message
	// Ack ends the delivery: the message is done with.
	Ack()
	// Nack gives the message back, to be delivered again, first in the topic.
	Nack()
}
