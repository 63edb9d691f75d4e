package result

import (
	"context"
	"errors"
	"time"

	"quirl/store"
	"quirl/whisk"
)

const (
	// expectFor is how long a record is waited for that another process is about to write.
	expectFor = 3 * time.Second
	// expectEvery is how often it is looked for.
	expectEvery = 5 * time.Millisecond
	// maxExpected bounds how many are remembered, of about 100 bytes each.
	maxExpected = 20_000
)

// Expect says that another process has ended an activation, and writes its record: Find waits for
// it a while, so that whoever got the result finds the record.
func (r *Recorder) Expect(id whisk.ActivationID) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.expected == nil {
		r.expected = make(map[whisk.ActivationID]time.Time)
	}
	if len(r.expected) >= maxExpected {
		for id, since := range r.expected {
			if now.Sub(since) > expectFor {
				delete(r.expected, id)
			}
		}
		if len(r.expected) >= maxExpected {
			clear(r.expected)
		}
	}
	r.expected[id] = now
}

// findStored reads a record from the store, and waits for one that is expected.
func (r *Recorder) findStored(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	for {
		record, err := r.store.Activation(ctx, namespace, id)
		if !errors.Is(err, store.ErrNotFound) {
			return record, err
		}
		r.mu.Lock()
		since, expected := r.expected[id]
		r.mu.Unlock()
		if !expected || time.Since(since) > expectFor {
			return nil, err
		}
		select {
		case <-time.After(expectEvery):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
