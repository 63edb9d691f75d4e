//go:build linux

package proxytest_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"quirl/container"
	"quirl/container/sandboxcontainer"
	"quirl/runtimes/proxytest"
	"quirl/test/quirltest"
)

// TestSandbox: the kinds that the programs of this machine run, where users run them.
func TestSandbox(t *testing.T) {
	if testing.Short() || !quirltest.Isolated() {
		t.Skip("needs the launcher and root")
	}
	proxytest.Run(t, func(t *testing.T) container.Factory { return sandbox(t) })
}

func BenchmarkSandbox(b *testing.B) { proxytest.Benchmark(b, sandbox) }

var serial atomic.Int64

func sandbox(t testing.TB) container.Factory { return sandboxWith(t, nil) }

func sandboxWith(t testing.TB, change func(*sandboxcontainer.Config)) container.Factory {
	dir, err := os.MkdirTemp("/tmp", "q") // a short path: it holds sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	config := sandboxcontainer.Config{
		Dir: dir, Launcher: filepath.Join(quirltest.Bin(t), "quirl-sandbox"), Log: slog.New(slog.DiscardHandler),
		Instance: fmt.Sprintf("proxytest-%d-%d", os.Getpid(), serial.Add(1)),
	}
	if change != nil {
		change(&config)
	}
	f, err := sandboxcontainer.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
