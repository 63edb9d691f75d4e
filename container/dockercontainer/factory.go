package dockercontainer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"quirl/container"
)

// closeTime bounds how long Close waits for an engine that does not answer.
const closeTime = time.Minute

// A Factory makes containers with a Docker engine. Make one with New.
type Factory struct {
	config Config
	log    *slog.Logger
	engine *client.Client
	pulls  pulls
	bridge bridge
	shells shells

	// ctx ends when the factory is closed for good; what must be known of the
	// engine's answers is asked with it rather than with a caller's context.
	ctx     context.Context
	end     context.CancelFunc
	closing chan struct{}

	mu     sync.Mutex
	closed bool
	serial int
	names  map[string]bool // in use, or about to be
	living map[*box]struct{}
	work   sync.WaitGroup // what goes on without its caller
}

var (
	_ container.Factory  = (*Factory)(nil)
	_ container.Preparer = (*Factory)(nil)
)

// New checks config. It does not speak to the engine.
func New(config Config) (*Factory, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	engine, err := connect(config.Host)
	if err != nil {
		return nil, err
	}
	f := &Factory{
		config: config, log: config.Log, engine: engine,
		closing: make(chan struct{}), names: map[string]bool{}, living: map[*box]struct{}{},
	}
	f.ctx, f.end = context.WithCancel(context.Background())
	f.pulls.running = map[string]*pull{}
	f.shells.factory, f.shells.kinds = f, map[string]*shelf{}
	return f, nil
}

// connect makes a client for host, or for what the environment says.
func connect(host string) (*client.Client, error) {
	options := []client.Opt{client.FromEnv}
	if host != "" {
		options = append(options, client.WithHost(host))
	}
	engine, err := client.New(options...)
	if err != nil {
		return nil, fmt.Errorf("docker: address of the engine: %w", err)
	}
	return engine, nil
}

// Cleanup removes the containers and the network that a predecessor with the
// same Instance left.
func (f *Factory) Cleanup(ctx context.Context) error {
	if err := f.sweep(ctx); err != nil {
		return fmt.Errorf("docker: remove left-over containers: %w", err)
	}
	return nil
}

// Create starts a container for spec, from one that was made ahead if there is one.
func (f *Factory) Create(ctx context.Context, spec container.Spec) (container.Container, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("create container %s: %w", spec.Name, err)
	}
	if err := f.enter(&spec); err != nil {
		return nil, err
	}
	type result struct {
		box *box
		err error
	}
	made := make(chan result)
	abandoned := make(chan struct{})
	go func() {
		defer f.work.Done()
		b, err := f.create(spec)
		select {
		case made <- result{b, err}:
		case <-abandoned:
			if err == nil {
				f.discard(b)
			}
		}
	}()
	// Without its caller the creation goes on: only when it is over can it be undone.
	defer close(abandoned)
	r, err := await(ctx, f, made)
	switch {
	case errors.Is(err, container.ErrClosed):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("create container %s: %w", spec.Name, err)
	case r.err != nil:
		return nil, fmt.Errorf("create container %s: %w", spec.Name, r.err)
	}
	return r.box, nil
}

// enter takes the name of a Create.
func (f *Factory) enter(spec *container.Spec) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return container.ErrClosed
	}
	if spec.Name == "" {
		f.serial++
		spec.Name = fmt.Sprintf("unnamed_%d", f.serial)
	}
	if f.names[spec.Name] {
		return fmt.Errorf("create container %s: the name is in use", spec.Name)
	}
	f.names[spec.Name] = true
	f.work.Add(1)
	return nil
}

func (f *Factory) forget(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.names, name)
}

// discard removes what nobody waits for any more.
func (f *Factory) discard(b *box) {
	if err := b.Remove(f.ctx); err != nil {
		f.log.Error("container cannot be removed", "container", b.name, "error", err)
	}
}

// begin counts work that Close waits for, unless the factory is closed.
func (f *Factory) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.work.Add(1)
	}
	return !f.closed
}

// Close removes all containers and the network. An engine that does not answer
// is waited for a minute; the next Cleanup finds what is left then.
func (f *Factory) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		<-f.ctx.Done()
		return nil
	}
	f.closed = true
	close(f.closing)
	f.mu.Unlock()
	defer f.end()
	ctx, cancel := context.WithTimeout(f.ctx, closeTime)
	defer cancel()
	err := f.closeAll(ctx)
	f.end()
	f.work.Wait()
	return errors.Join(err, f.engine.Close())
}

func (f *Factory) closeAll(ctx context.Context) error {
	over := make(chan error, 1)
	go func() {
		f.shells.drop()
		f.work.Wait() // creations and removals under way
		over <- f.removeAll()
	}()
	select {
	case err := <-over:
		return errors.Join(err, f.bridge.remove(ctx, f))
	case <-ctx.Done():
		return fmt.Errorf("docker: the engine at %s does not answer, containers may be left: %w", f.engine.DaemonHost(), ctx.Err())
	}
}

func (f *Factory) removeAll() error {
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	for _, b := range f.all() {
		wg.Go(func() {
			err := b.Remove(f.ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (f *Factory) all() []*box {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*box, 0, len(f.living))
	for b := range f.living {
		all = append(all, b)
	}
	return all
}
