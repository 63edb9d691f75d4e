//go:build !linux

package sandboxcontainer

import (
	"context"
	"errors"

	"quirl/container"
)

// errUnsupported says that sandboxes are made of Linux.
var errUnsupported = errors.New("sandbox containers need Linux; use the docker factory here")

// A Factory makes sandbox containers; on this system there are none.
type Factory struct{}

var (
	_ container.Factory  = (*Factory)(nil)
	_ container.Preparer = (*Factory)(nil)
)

// New always fails on this system.
func New(Config) (*Factory, error) { return nil, errUnsupported }

// Cleanup always fails on this system.
func (*Factory) Cleanup(context.Context) error { return errUnsupported }

// Capabilities always fails on this system.
func (*Factory) Capabilities(context.Context) (Capabilities, error) {
	return Capabilities{}, errUnsupported
}

// Prepare does nothing on this system.
func (*Factory) Prepare(container.Spec, int) {}

// Create always fails on this system.
func (*Factory) Create(context.Context, container.Spec) (container.Container, error) {
	return nil, errUnsupported
}

// Close does nothing on this system.
func (*Factory) Close() error { return nil }

// Check says that this system has no sandboxes.
func Check(context.Context, Config) []Finding {
	return []Finding{{Name: "operating system", Required: true, Found: errUnsupported.Error(), Cost: "no sandboxes"}}
}
