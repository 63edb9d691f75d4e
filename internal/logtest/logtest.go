// Package logtest sends what the code under test logs to the test's own log.
package logtest

import (
	"log/slog"
	"strings"
	"testing"
)

// New returns a logger whose lines appear where t's do.
func New(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(writer{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type writer struct{ t testing.TB }

func (w writer) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil { // a line after the end would panic
		w.t.Log(strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}
