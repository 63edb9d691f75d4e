package store

import (
	"encoding/json"
	"fmt"

	"quirl/whisk"
)

// WalkPage is how many values a walk reads at once.
const WalkPage = 500

// WalkPages calls each for all that page returns, which is at most WalkPage values past the
// one whose key it is given, in the order of their keys.
func WalkPages[T any](after string, key func(T) string, page func(after string) ([]T, error), each func(T) error) error {
	for {
		values, err := page(after)
		if err != nil {
			return err
		}
		for _, v := range values {
			if err := each(v); err != nil {
				return err
			}
		}
		if len(values) < WalkPage {
			return nil
		}
		after = key(values[len(values)-1])
	}
}

// Limits are those that a namespace has of its own, as they are kept.
type Limits struct {
	Namespace string
	Document  []byte
}

// WalkLimitPages is Walker.WalkLimits for a store that has pages of them.
func WalkLimitPages(after string, page func(after string) ([]Limits, error), each func(string, whisk.NamespaceLimits) error) error {
	return WalkPages(after, func(l Limits) string { return l.Namespace }, page, func(l Limits) error {
		var limits whisk.NamespaceLimits
		if err := json.Unmarshal(l.Document, &limits); err != nil {
			return fmt.Errorf("limits of %s: %w", l.Namespace, err)
		}
		return each(l.Namespace, limits)
	})
}
