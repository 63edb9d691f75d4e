package dockercontainer

import (
	"context"
	"fmt"
	"time"

	"quirl/container"
)

// await returns what comes out of a request to the engine. It gives up when ctx
// ends, when the factory closes, and when the engine hangs. Work that takes its
// time, such as fetching an image, is waited for as long as the engine lives.
func await[T any](ctx context.Context, f *Factory, outcome <-chan T) (T, error) {
	tick := time.NewTicker(f.config.Patience)
	defer tick.Stop()
	silent := make(chan error)
	watch, stop := context.WithCancel(ctx)
	defer stop()
	for {
		var none T
		select {
		case result := <-outcome:
			return result, nil
		case <-ctx.Done():
			return none, ctx.Err()
		case <-f.closing:
			return none, container.ErrClosed
		case <-tick.C:
			go f.listen(watch, silent)
		case err := <-silent:
			return none, err
		}
	}
}

// listen asks the engine whether it is there, and reports only that it is not.
func (f *Factory) listen(ctx context.Context, silent chan<- error) {
	asked, cancel := context.WithTimeout(ctx, f.config.Patience)
	defer cancel()
	if err := f.Ping(asked); err != nil {
		select {
		case silent <- fmt.Errorf("no answer within %s: %w", f.config.Patience, err):
		case <-ctx.Done():
		}
	}
}
