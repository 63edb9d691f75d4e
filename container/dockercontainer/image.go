package dockercontainer

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"quirl/container"
)

// pulls are the images that are being fetched: each once, however many wait for it.
type pulls struct {
	mu      sync.Mutex
	running map[string]*pull
}

type pull struct {
	done chan struct{}
	err  error // valid after done
}

// pull fetches an image, or waits for somebody who does.
func (f *Factory) pull(image string) error {
	p, first := f.pulls.join(image)
	if first {
		p.err = f.fetch(image)
		f.pulls.leave(image)
		close(p.done)
	}
	<-p.done
	return p.err
}

func (s *pulls) join(image string) (p *pull, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.running[image]; ok {
		return p, false
	}
	p = &pull{done: make(chan struct{})}
	s.running[image] = p
	return p, true
}

func (s *pulls) leave(image string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, image)
}

// fetch asks the engine for an image. It is given up when the factory closes.
func (f *Factory) fetch(image string) error {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-f.closing:
			cancel()
		case <-over:
		}
	}()
	f.log.Info("pulling image", "image", image)
	progress, err := f.engine.ImagePull(ctx, image, client.ImagePullOptions{})
	if err == nil {
		err = progress.Wait(ctx)
	}
	if ctx.Err() != nil {
		return container.ErrClosed
	}
	return imageError(image, err)
}

// imageError tells the image's absence, which is the user's matter, from an engine
// that cannot do its work.
func imageError(image string, err error) error {
	switch {
	case err == nil:
		return nil
	case client.IsErrConnectionFailed(err), strings.Contains(err.Error(), "no space left on device"):
		return fmt.Errorf("pull %s: %w", image, err)
	}
	return fmt.Errorf("%w: pull %s: %w", container.ErrNoImage, image, err)
}

// pullBefore does what the rule of spec asks for before a container is made.
func (f *Factory) pullBefore(spec container.Spec) error {
	switch spec.Pull {
	case container.PullAlways:
		return f.pull(spec.Image)
	case container.PullIfPossible:
		if err := f.pull(spec.Image); err != nil {
			f.log.Debug("image cannot be pulled, the local one is tried", "image", spec.Image, "error", err)
		}
	}
	return nil
}

// isMissingImage says that the engine does not have the image.
func isMissingImage(err error) bool {
	return errdefs.IsNotFound(err) && strings.Contains(strings.ToLower(err.Error()), "no such image")
}
