package store

import (
	"context"
	"errors"

	"quirl/whisk"
)

// Get returns the entity under id as a T, e.g. *whisk.Action. The errors are
// the user's: not found, or a conflict when id is of another collection.
func Get[T whisk.Entity](ctx context.Context, s Entities, id string) (T, error) {
	var none T
	e, err := s.Entity(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return none, whisk.Missing()
	}
	if err != nil {
		return none, err
	}
	t, ok := e.(T)
	if !ok {
		return none, whisk.Errorf(whisk.Conflict, "Resource by this name exists but is not in this collection.")
	}
	return t, nil
}
