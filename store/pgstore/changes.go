package pgstore

import "context"

// channel is what writers of entities notify and caches listen to.
const channel = "quirl_changes"

// Changes is that of store.Notifier.
func (s *Store) Changes(ctx context.Context, changed func(id string)) error {
	return s.link.Listen(ctx, func(ctx context.Context) error { return s.listen(ctx, changed) })
}

// listen hears changes by one connection until that ends.
func (s *Store) listen(ctx context.Context, changed func(id string)) error {
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
