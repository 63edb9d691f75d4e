package containertest

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

func testLeaks(t *testing.T, b *bench) {
	const n = 10
	round := func() {
		results := make(chan error)
		for range n {
			spec := b.sh("echo hello")
			go func() { results <- b.echo(spec, "hello\n") }()
		}
		for range n {
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
		c := b.serve(t, 0, false)
		if _, err := dialAndAsk(b.ctx, c); err != nil {
			t.Fatal(err)
		}
		b.remove(t, c)
		if _, err := Finish(b.ctx, c); err != nil { // gives the outputs back
			t.Fatal(err)
		}
	}
	round() // what is made once is made now
	goroutines, files := settled(), openFiles()
	for range 4 {
		round()
	}
	// A connection or reader may take a moment to wind down.
	const tolerated = 3
	b.within(t, fmt.Sprintf("not more than %d goroutines and %d files", goroutines+tolerated, files+tolerated), func() bool {
		return settled() <= goroutines+tolerated && openFiles() <= files+tolerated
	})
}

// settled counts goroutines; files of outputs nobody read to the end go with
// the garbage.
func settled() int {
	runtime.GC()
	return runtime.NumGoroutine()
}

func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // then goroutines alone must tell
	}
	return len(entries)
}
