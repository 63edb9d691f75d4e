package couchstore

import (
	"context"

	"github.com/go-kivik/kivik/v4"
)

// heartbeat is how often a silent feed of changes shows that it lives, in milliseconds.
const heartbeat = 10_000

// Changes is that of store.Notifier.
func (s *Store) Changes(ctx context.Context, changed func(id string)) error {
	return s.link.Listen(ctx, func(ctx context.Context) error {
		stats, err := s.whisks.Stats(ctx)
		if err != nil {
			return err
		}
		changed("") // what happened before
		feed := s.whisks.DB.Changes(ctx, kivik.Params(map[string]any{"feed": "continuous", "since": stats.UpdateSeq, "heartbeat": heartbeat}))
		defer feed.Close()
		for feed.Next() {
			changed(feed.ID())
		}
		return feed.Err()
	})
}
