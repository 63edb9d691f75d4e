package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"

	"quirl/runtimes"
)

// TestAhead: to know how containers start prepares nothing, and waits for nothing: the
// invoker asks for all usual kinds before it takes its first call. To start one does.
func TestAhead(t *testing.T) {
	offer, err := runtimes.Builtin().Detect(t.Context(), runtimes.Host{Path: os.Getenv("PATH")})
	if err != nil {
		t.Fatal(err)
	}
	k, err := newKinds(offer, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range k.usual() {
		if _, err := k.ContainerSpec(kind, ""); err != nil {
			t.Error(err)
		}
	}
	if n := len(k.ahead.asked); n != 0 {
		t.Errorf("%d kinds are prepared before they are used", n)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the caller went away"))
	k.Await(ctx, "go:1") // which Go runs this test
	if n := len(k.ahead.asked); n != 1 {
		t.Errorf("%d kinds are prepared, want that which is used", n)
	}
	k.ahead.run(ctx, slog.New(slog.DiscardHandler))
	k.Await(t.Context(), "go:1") // nobody makes it ready any more
}
