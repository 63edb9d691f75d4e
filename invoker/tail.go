package invoker

import (
	"context"

	"quirl/invoker/collect"
	"quirl/whisk"
)

// A Tail reads what an activation prints while it runs.
type Tail struct {
	inv *Invoker
	job *job
}

// Tail returns the tail of an activation that is here, waiting or running; false
// when it is not, or not of that namespace.
func (i *Invoker) Tail(namespace string, id whisk.ActivationID) (*Tail, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	j := i.jobs[string(id)]
	if j == nil || j.msg.User.Namespace != namespace {
		return nil, false
	}
	return &Tail{i, j}, true
}

// Follow returns the lines behind the first n, as soon as there are some; more =
// false when none will come. The error is that of ctx.
func (t *Tail) Follow(ctx context.Context, n int) (lines []string, more bool, err error) {
	select {
	case <-t.job.begun:
	case <-ctx.Done():
		return nil, true, ctx.Err()
	}
	t.inv.mu.Lock()
	segment := t.job.segment
	t.inv.mu.Unlock()
	if segment == nil { // it ended before it had a container
		return nil, false, nil
	}
	return segment.Follow(ctx, n)
}

// show lets the output of a job be followed. A job that is tried again has new output.
func (i *Invoker) show(j *job, s *collect.Segment) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if j.segment == nil {
		close(j.begun)
	}
	j.segment = s
}
