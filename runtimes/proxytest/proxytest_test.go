package proxytest_test

import (
	"testing"

	"quirl/container"
	"quirl/container/processcontainer"
	"quirl/runtimes/proxytest"
)

func TestProcesses(t *testing.T) {
	proxytest.Run(t, func(t *testing.T) container.Factory { return open(t) })
}

func BenchmarkProcesses(b *testing.B) { proxytest.Benchmark(b, open) }

func open(t testing.TB) container.Factory {
	f, err := processcontainer.New(processcontainer.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
