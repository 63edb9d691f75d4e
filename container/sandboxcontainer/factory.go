//go:build linux

package sandboxcontainer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"quirl/container"
	"quirl/container/ociimage"
)

// A Factory makes sandbox containers. Make one with New.
type Factory struct {
	config Config
	log    *slog.Logger
	roots  *roots
	pools  *pools
	images *ociimage.Store // nil when there are no images

	// starting serializes starts of the launcher.
	starting chan struct{}

	mu       sync.Mutex
	launcher *launcher // nil before the first use and after it died
	names    map[string]bool
	serial   uint64
	closed   bool
	closing  chan struct{}  // closed by Close
	creating sync.WaitGroup // Creates that Close must wait for
}

var (
	_ container.Factory  = (*Factory)(nil)
	_ container.Preparer = (*Factory)(nil)
)

// New checks config and finds the launcher. It starts nothing: the launcher is
// started by the first Cleanup, Prepare or Create.
func New(config Config) (*Factory, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	program, err := findLauncher(config.Launcher)
	if err != nil {
		return nil, err
	}
	config.Launcher = program
	if err := makeDir(config.dir()); err != nil {
		return nil, err
	}
	f := &Factory{
		config:   config,
		log:      config.Log,
		roots:    newRoots(filepath.Join(config.dir(), "rootfs"), config.Nameservers),
		starting: make(chan struct{}, 1),
		names:    make(map[string]bool),
		closing:  make(chan struct{}),
	}
	f.pools = newPools(f)
	if config.Images == "" {
		return f, nil
	}
	f.images, err = ociimage.New(ociimage.Config{Dir: config.Images, Archives: config.Archives, Log: config.Log})
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return f, nil
}

// makeDir makes the instance's folder so that containers, who are other users,
// can pass through it to their root.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return fmt.Errorf("sandbox: make folder: %w", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return fmt.Errorf("sandbox: make folder: %w", err)
	}
	if os.Geteuid() != 0 {
		return nil // containers have our own user id
	}
	for at := dir; at != "/"; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("sandbox: containers cannot pass through %s; run: chmod o+x %s, or choose another folder", at, at)
		}
	}
	return nil
}

// Cleanup removes what a predecessor with the same Instance left.
func (f *Factory) Cleanup(ctx context.Context) error {
	// A launcher removes leftovers before it does anything else.
	if _, err := f.running(ctx); err != nil || f.images == nil {
		return err
	}
	return f.images.Prune(imagesUnused)
}

// Capabilities tells what this factory can do; it starts the launcher.
func (f *Factory) Capabilities(ctx context.Context) (Capabilities, error) {
	l, err := f.running(ctx)
	if err != nil {
		return Capabilities{}, err
	}
	return Capabilities{Rootless: l.ready.Rootless, Limits: l.ready.Cgroups, Network: l.ready.Network}, nil
}

// Prepare keeps n shells for containers like spec. Its image is fetched for that.
func (f *Factory) Prepare(spec container.Spec, n int) {
	if err := checkSpec(&spec); err != nil {
		f.log.Warn("no shells for a bad spec", "kind", spec.Kind, "err", err)
		return
	}
	f.pools.prepare(spec, n)
}

// Shells says how many shells are ready for containers like spec.
func (f *Factory) Shells(spec container.Spec) int {
	if err := checkSpec(&spec); err != nil {
		return 0
	}
	return f.pools.count(spec)
}

// Create starts a container for spec, from a shell when there is one.
func (f *Factory) Create(ctx context.Context, spec container.Spec) (container.Container, error) {
	if err := checkSpec(&spec); err != nil {
		return nil, err
	}
	if err := f.enter(spec.Name); err != nil {
		return nil, err
	}
	defer f.creating.Done()
	c, err := f.create(ctx, spec)
	if err != nil {
		f.forget(spec.Name)
		select {
		case <-f.closing:
			return nil, container.ErrClosed
		default:
			return nil, err
		}
	}
	return c, nil
}

func (f *Factory) create(ctx context.Context, spec container.Spec) (container.Container, error) {
	image, err := f.image(ctx, spec)
	if err != nil {
		return nil, err
	}
	f.pools.hot.enter()
	defer f.pools.hot.leave()
	limits := limits{memory: spec.Memory, shares: spec.CPUShares, tmp: f.tmpSize(spec.Memory)}
	if s := f.pools.take(spec, image); s != nil {
		err := s.start(ctx, limits)
		if err == nil {
			return newSandbox(f, s, spec.Name, limits.tmp), nil
		}
		s.discard()
		if ctx.Err() != nil {
			return nil, err
		}
		// A shell may have died while it waited; a fresh one tells the truth.
		f.log.Debug("shell not usable", "container", spec.Name, "err", err)
	}
	s, err := f.newShell(ctx, spec, image, false)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx, limits); err != nil {
		s.discard()
		return nil, err
	}
	return newSandbox(f, s, spec.Name, limits.tmp), nil
}

// tmpSize is half of the memory, within bounds.
func (f *Factory) tmpSize(memory int64) int64 {
	if memory == 0 {
		return f.config.MaxTmp
	}
	return min(max(memory/2, MinTmp), f.config.MaxTmp)
}

// enter takes a name for a Create.
func (f *Factory) enter(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return container.ErrClosed
	}
	if f.names[name] {
		return fmt.Errorf("create container %s: the name is in use", name)
	}
	f.names[name] = true
	f.creating.Add(1)
	return nil
}

func (f *Factory) forget(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.names, name)
}

// Close removes all containers and shells and ends the launcher.
func (f *Factory) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	close(f.closing)
	f.mu.Unlock()

	if f.images != nil {
		f.images.Close()
	}
	f.pools.close()
	f.starting <- struct{}{} // no launcher starts any more
	f.mu.Lock()
	l := f.launcher
	f.mu.Unlock()
	var err error
	if l != nil {
		err = l.stop() // breaks what Creates wait for
	}
	f.creating.Wait()
	f.pools.wait()
	return err
}

// running returns the launcher, started when there is none.
func (f *Factory) running(ctx context.Context) (*launcher, error) {
	select {
	case f.starting <- struct{}{}:
		defer func() { <-f.starting }()
	case <-f.closing:
		return nil, container.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	l, closed := f.launcher, f.closed
	f.mu.Unlock()
	if closed {
		return nil, container.ErrClosed
	}
	if l != nil && l.alive() {
		return l, nil
	}
	if l != nil {
		f.log.Error("launcher died, starting another; its containers are gone")
	}
	// Whatever is left belongs to the dead; the launcher checks that with a lock.
	started, err := startLauncher(ctx, f.config, f.roots.servers())
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.roots.reset(), f.resetSockets()); err != nil {
		return nil, errors.Join(err, started.stop())
	}
	f.mu.Lock()
	f.launcher = started
	f.mu.Unlock()
	return started, nil
}

func (f *Factory) sockets() string { return filepath.Join(f.config.dir(), "sockets") }

func (f *Factory) resetSockets() error {
	if err := os.RemoveAll(f.sockets()); err != nil {
		return fmt.Errorf("sandbox: remove old sockets: %w", err)
	}
	if err := os.Mkdir(f.sockets(), 0o700); err != nil {
		return fmt.Errorf("sandbox: make folder for sockets: %w", err)
	}
	return nil
}

var specName = regexp.MustCompile(`^[A-Za-z0-9_]{1,255}$`)

// checkSpec says what is wrong with spec and fills in defaults.
func checkSpec(spec *container.Spec) error {
	if spec.Image == "" && (len(spec.Command) == 0 || !path.IsAbs(spec.Command[0])) {
		return fmt.Errorf("create container: command %q: want an absolute path", spec.Command)
	}
	if spec.Name != "" && !specName.MatchString(spec.Name) {
		return fmt.Errorf("create container: name %q: want letters, digits and '_'", spec.Name)
	}
	if spec.Memory < 0 || spec.Memory > 0 && spec.Memory < MinMemory {
		return fmt.Errorf("create container %s: memory of %d bytes: want at least %d", spec.Name, spec.Memory, MinMemory)
	}
	if spec.CPUShares < 0 || spec.Pids < 0 {
		return fmt.Errorf("create container %s: negative limit", spec.Name)
	}
	if spec.Pids == 0 {
		spec.Pids = defaultPids
	}
	for _, e := range spec.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" || strings.ContainsRune(e, 0) {
			return fmt.Errorf("create container %s: environment %q: want NAME=VALUE", spec.Name, e)
		}
	}
	for _, a := range spec.Command {
		if strings.ContainsRune(a, 0) {
			return fmt.Errorf("create container %s: a zero byte in the command", spec.Name)
		}
	}
	return checkMounts(spec.Mounts)
}
