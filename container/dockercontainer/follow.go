package dockercontainer

import (
	"context"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	engine "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

const (
	// An engine that does not answer is asked again after firstRetry, then less
	// and less often, down to every lastRetry.
	firstRetry = 20 * time.Millisecond
	lastRetry  = time.Second
	// killed is the exit status of what was killed, and of what is lost.
	killed = 137
)

// follow waits for the container's end and tells everybody.
func (b *box) follow() {
	b.exit.Code = b.await()
	b.exit.OutOfMemory = b.ranOutOfMemory()
	b.made.leave()
	b.cut()
	b.made.output.last()
	close(b.done)
}

// await returns the exit status. A restart of the engine breaks what was waited
// on, so the engine is then asked anew.
func (b *box) await() int {
	ended := b.made.ended
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		select {
		case r := <-ended.Result:
			return int(r.StatusCode)
		case err := <-ended.Error:
			if errdefs.IsNotFound(err) || b.factory.ctx.Err() != nil {
				return killed
			}
		}
		if !rest(b.factory.ctx, pause) {
			return killed
		}
		ended = b.factory.engine.ContainerWait(b.factory.ctx, b.made.id, client.ContainerWaitOptions{Condition: engine.WaitConditionNotRunning})
	}
}

// ranOutOfMemory asks the engine, unless it was us who ended the container.
func (b *box) ranOutOfMemory() bool {
	b.mu.Lock()
	removing := b.removing
	b.mu.Unlock()
	if removing {
		return false
	}
	found, err := b.inspect()
	return err == nil && found.State != nil && found.State.OOMKilled
}

func (b *box) inspect() (engine.InspectResponse, error) {
	found, err := b.factory.engine.ContainerInspect(b.factory.ctx, b.made.id, client.ContainerInspectOptions{})
	return found.Container, err
}

// removeContainer removes a container with all that belongs to it, running or not.
// It tries until it is known to be gone, or ctx ends.
func (f *Factory) removeContainer(ctx context.Context, id string) error {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		_, err := f.engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case err == nil, errdefs.IsNotFound(err):
			return nil
		case !passes(err):
			return err
		}
		if !rest(ctx, pause) {
			return err
		}
	}
}

// passes says that an error is worth another try.
func passes(err error) bool {
	return client.IsErrConnectionFailed(err) || strings.Contains(err.Error(), "is already in progress") ||
		strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "connection reset")
}

// rest waits, unless ctx ends.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
