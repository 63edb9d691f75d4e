package bus

import (
	"context"
	"errors"
)

// Each hands over the messages of a topic, one after the other, until ctx ends or b is closed. A
// message is acknowledged when handle has returned.
func Each(ctx context.Context, b Bus, topic, group string, handle func(Message)) error {
	for {
		d, err := b.Receive(ctx, topic, group)
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		handle(d.Message())
		d.Ack()
	}
}
