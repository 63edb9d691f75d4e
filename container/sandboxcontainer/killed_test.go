//go:build linux

package sandboxcontainer_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"quirl/container"
)

// TestFactoryResumesNoKilled kills containers from outside while they are paused.
func TestFactoryResumesNoKilled(t *testing.T) {
	f := factory(t)
	for i := range 10 {
		marker := fmt.Sprintf("killed-%d-%d", os.Getpid(), i)
		spec := probeSpec(marker, "print('up', flush=True); time.sleep(1000) # "+marker)
		spec.Name = fmt.Sprintf("killed_%d", i)
		c, err := f.Create(t.Context(), spec)
		must(t, err)
		stdout, _ := c.Output()
		if _, err := stdout.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		must(t, c.Pause(t.Context()))
		for _, text := range marked(t, marker) {
			pid, err := strconv.Atoi(text)
			must(t, err)
			kill(t, pid, syscall.SIGKILL)
		}
		if err := c.Resume(t.Context()); !errors.Is(err, container.ErrGone) {
			t.Errorf("resume of a killed container: %v, want ErrGone", err)
		}
		<-c.Done()
		must(t, c.Remove(t.Context()))
	}
}
