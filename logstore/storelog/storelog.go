// Package storelog keeps log lines in the activation's own record.
//
// It promises what the store of records promises, and needs nothing beside it.
package storelog

import (
	"context"

	"quirl/logstore"
	"quirl/whisk"
)

// Store is the logstore.Store that keeps lines in the record.
type Store struct{}

var _ logstore.Store = Store{}

// Write is that of logstore.Store.
func (Store) Write(_ context.Context, _ *whisk.Activation, lines []string) ([]string, error) {
	return lines, nil
}

// Lines is that of logstore.Store.
func (Store) Lines(_ context.Context, record *whisk.Activation) ([]string, error) {
	return record.Logs, nil
}
