package pgstore

import (
	"context"
	"time"

	"quirl/store"
)

// channel is what writers of entities notify and caches listen to.
const channel = "quirl_changes"

// listenAgain is how long a listener waits before it connects again.
const listenAgain = 200 * time.Millisecond

// Changes is that of store.Notifier.
func (s *Store) Changes(ctx context.Context, changed func(id string)) error {
	for {
		err := s.listen(ctx, changed)
		switch {
		case ctx.Err() != nil:
			return nil
		case s.isClosed():
			return store.ErrClosed
		case err != nil && !isAway(err):
			return err
		}
		select {
		case <-time.After(listenAgain):
		case <-s.closing:
			return store.ErrClosed
		case <-ctx.Done():
			return nil
		}
	}
}

// listen hears changes by one connection until that ends.
func (s *Store) listen(ctx context.Context, changed func(id string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	pooled, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack() // it listens to the end of its life
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	changed("") // what happened before
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		changed(n.Payload)
	}
}
