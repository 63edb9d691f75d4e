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

// A made container was created and not started: somebody listens to its output
// already, and waits for its end.
type made struct {
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
	if b := f.shells.take(spec); b != nil {
		err := b.release(spec)
		if err == nil {
			return b, nil
		}
		f.inBackground(func() { f.discard(b) })
		// A shell may have been lost while it waited; a fresh one tells the truth.
		f.log.Debug("shell not usable", "container", spec.Name, "error", err)
	}
	if err := f.pullBefore(spec); err != nil {
		return nil, err
	}
	return f.launch(spec, spec.Name, func(o client.ContainerCreateOptions) client.ContainerCreateOptions { return o })
}

// launch makes and starts one container.
func (f *Factory) launch(spec container.Spec, name string, adapt func(client.ContainerCreateOptions) client.ContainerCreateOptions) (*box, error) {
	networkName, err := f.bridge.name(f)
	if err != nil {
		return nil, err
	}
	m, err := f.make(spec, adapt(f.config.options(spec, f.config.prefix()+name, networkName)))
	if err != nil {
		return nil, err
	}
	if _, err := f.engine.ContainerStart(f.ctx, m.id, client.ContainerStartOptions{}); err != nil {
		f.unmake(m)
		return nil, startError(spec, err)
	}
	return newBox(f, m, name), nil
}

// make makes a container that is not started.
func (f *Factory) make(spec container.Spec, options client.ContainerCreateOptions) (*made, error) {
	created, err := f.engine.ContainerCreate(f.ctx, options)
	if isMissingImage(err) && spec.Pull == container.PullMissing {
		if err := f.pull(spec.Image); err != nil {
			return nil, err
		}
		created, err = f.engine.ContainerCreate(f.ctx, options)
	}
	if err != nil {
		return nil, createError(spec, err)
	}
	for _, warning := range created.Warnings {
		f.log.Debug("engine warns", "container", options.Name, "warning", warning)
	}
	m := &made{spec: spec, id: created.ID, leave: func() {}}
	if err := f.watch(m, options.Config.OpenStdin); err != nil {
		f.unmake(m)
		return nil, err
	}
	return m, nil
}

// watch connects to the output and to the news of the end, before there is any.
func (f *Factory) watch(m *made, input bool) error {
	attached, err := f.engine.ContainerAttach(f.ctx, m.id, client.ContainerAttachOptions{Stream: true, Stdin: input, Stdout: true, Stderr: true})
	if err != nil {
		return fmt.Errorf("attach to output: %w", err)
	}
	m.output = newOutput(attached.Conn, attached.Reader)
	ctx, leave := context.WithCancel(f.ctx)
	m.leave = leave
	m.ended = f.engine.ContainerWait(ctx, m.id, client.ContainerWaitOptions{Condition: engine.WaitConditionNextExit})
	select {
	case err := <-m.ended.Error:
		return fmt.Errorf("wait for end: %w", err)
	default:
		return nil
	}
}

// unmake removes a container that does not run.
func (f *Factory) unmake(m *made) {
	m.leave()
	if m.output != nil {
		m.output.close()
	}
	if err := f.removeContainer(f.ctx, m.id); err != nil {
		f.log.Error("container cannot be removed", "container", m.id, "error", err)
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
