package containertest

import (
	"strings"
	"testing"

	"quirl/container"
)

// eat takes memory without end, but not without pause: a shell may share the core.
const eat = `
x = []
while True: x.append(bytearray(b"x" * (1 << 20)))
`

func testMemory(t *testing.T, b *bench) {
	neighbour := b.serve(t, 0, false)
	spec := b.python(eat)
	spec.Memory = 64 << 20
	r := b.finish(t, spec)
	if want := (container.Exit{Code: 137, OutOfMemory: true}); r.Exit != want {
		t.Errorf("got %+v (standard error: %s), want %+v", r.Exit, r.Stderr, want)
	}
	if _, err := dialAndAsk(b.ctx, neighbour); err != nil {
		t.Errorf("the neighbour does not answer: %v", err)
	}
}

func testMemoryOfChild(t *testing.T, b *bench) {
	spec := b.spec("/bin/sh", "-c", b.options.Python+` -I -c "$1"; exit 5`, "sh", eat)
	spec.Memory = 64 << 20
	r := b.finish(t, spec)
	if want := (container.Exit{Code: 5, OutOfMemory: true}); r.Exit != want {
		t.Errorf("got %+v (standard error: %s), want %+v", r.Exit, r.Stderr, want)
	}
}

func testPids(t *testing.T, b *bench) {
	spec := b.python(`
import os, time
made = 0
try:
    while made < 200:
        if os.fork() == 0: time.sleep(1000)
        made += 1
    print("no limit")
except OSError as e:
    print("limit", made < 64)
`)
	spec.Pids = 64
	r := b.finish(t, spec)
	if got := strings.TrimSpace(r.Stdout); got != "limit True" {
		t.Errorf("64 processes allowed, 200 wanted: %q (standard error: %s)", got, r.Stderr)
	}
}
