package dockercontainer

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	engine "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"quirl/container"
)

// A shell is a container that was made and not started: somebody listens to its
// output already, and waits for its end.
type shell struct {
	spec   container.Spec
	id     string // the engine's
	output *output
	ended  client.ContainerWaitResult
	leave  context.CancelFunc // stops waiting for the end
}

// create makes a container and starts it.
func (f *Factory) create(spec container.Spec) (*box, error) {
	b, err := f.createOnce(spec)
	if err != nil && isMissingNetwork(err) {
		f.bridge.lost() // somebody tidied up
		b, err = f.createOnce(spec)
	}
	if err != nil {
		f.forget(spec.Name)
	}
	return b, err
}

func (f *Factory) createOnce(spec container.Spec) (*box, error) {
	f.shells.enter()
	defer f.shells.leave()
	if s := f.shells.take(spec); s != nil {
		b, err := f.startShell(s, spec)
		if err == nil {
			return b, nil
		}
		f.dropShell(s)
		// A shell may have been lost while it waited; a fresh one tells the truth.
		f.log.Debug("prepared container not usable", "container", spec.Name, "error", err)
	}
	if err := f.pullBefore(spec); err != nil {
		return nil, err
	}
	s, err := f.newShell(spec, f.config.prefix()+spec.Name)
	if err != nil {
		return nil, err
	}
	if err := f.start(s); err != nil {
		f.dropShell(s)
		return nil, err
	}
	return newBox(f, s, spec.Name), nil
}

// newShell makes a container that is not started.
func (f *Factory) newShell(spec container.Spec, name string) (*shell, error) {
	networkName, err := f.bridge.name(f)
	if err != nil {
		return nil, err
	}
	made, err := f.engine.ContainerCreate(f.ctx, f.config.options(spec, name, networkName))
	if isMissingImage(err) && spec.Pull == container.PullMissing {
		if err := f.pull(spec.Image); err != nil {
			return nil, err
		}
		made, err = f.engine.ContainerCreate(f.ctx, f.config.options(spec, name, networkName))
	}
	if err != nil {
		return nil, createError(spec, err)
	}
	for _, warning := range made.Warnings {
		f.log.Debug("engine warns", "container", spec.Name, "warning", warning)
	}
	s := &shell{spec: spec, id: made.ID, leave: func() {}}
	if err := f.watch(s); err != nil {
		f.dropShell(s)
		return nil, err
	}
	return s, nil
}

// watch connects to the output and to the news of the end, before there is any.
func (f *Factory) watch(s *shell) error {
	attached, err := f.engine.ContainerAttach(f.ctx, s.id, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return fmt.Errorf("attach to output: %w", err)
	}
	s.output = newOutput(attached.Conn, attached.Reader)
	ctx, leave := context.WithCancel(f.ctx)
	s.leave = leave
	s.ended = f.engine.ContainerWait(ctx, s.id, client.ContainerWaitOptions{Condition: engine.WaitConditionNextExit})
	select {
	case err := <-s.ended.Error:
		return fmt.Errorf("wait for end: %w", err)
	default:
		return nil
	}
}

func (f *Factory) start(s *shell) error {
	_, err := f.engine.ContainerStart(f.ctx, s.id, client.ContainerStartOptions{})
	return startError(s.spec, err)
}

// dropShell removes a container that does not run.
func (f *Factory) dropShell(s *shell) {
	s.leave()
	if s.output != nil {
		s.output.close()
	}
	if err := f.removeContainer(f.ctx, s.id); err != nil {
		f.log.Error("container cannot be removed", "container", s.id, "error", err)
	}
}

func createError(spec container.Spec, err error) error {
	switch text := err.Error(); {
	case isMissingImage(err):
		return fmt.Errorf("%w: %w", container.ErrNoImage, err)
	case strings.Contains(text, "No command specified"), strings.Contains(text, "no command specified"):
		return fmt.Errorf("%w %s: it names none", container.ErrNoCommand, spec.Image)
	}
	return err
}

// startError finds out whether the program is missing, which the engine tells by
// words alone: its own, and those of the program that makes the process.
func startError(spec container.Spec, err error) error {
	if err == nil {
		return nil
	}
	text := strings.ToLower(err.Error())
	if !strings.Contains(text, "exec") {
		return err
	}
	for _, sign := range []string{"executable file not found", "no such file or directory", "not a directory", "is a directory", "permission denied"} {
		if strings.Contains(text, sign) {
			return fmt.Errorf("%w %s: %w", container.ErrNoCommand, spec.Image, err)
		}
	}
	return err
}

func isMissingNetwork(err error) bool {
	return errdefs.IsNotFound(err) && strings.Contains(err.Error(), "network")
}

// startShell starts a container that was made ahead. Its limits become those of
// spec; its name follows when it runs, for people only.
func (f *Factory) startShell(s *shell, spec container.Spec) (*box, error) {
	if s.spec.Memory != spec.Memory || s.spec.CPUShares != spec.CPUShares {
		limits := resources(spec)
		limits.Ulimits = nil // cannot be changed, and need not be
		if _, err := f.engine.ContainerUpdate(f.ctx, s.id, client.ContainerUpdateOptions{Resources: &limits}); err != nil {
			return nil, fmt.Errorf("set limits: %w", err)
		}
	}
	s.spec = spec
	if err := f.start(s); err != nil {
		return nil, err
	}
	b := newBox(f, s, spec.Name)
	f.inBackground(func() {
		_, err := f.engine.ContainerRename(f.ctx, s.id, client.ContainerRenameOptions{NewName: f.config.prefix() + spec.Name})
		if err != nil && !b.isDone() {
			f.log.Debug("container keeps the name it was made with", "container", spec.Name, "error", err)
		}
	})
	return b, nil
}
