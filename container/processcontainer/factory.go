// Package processcontainer makes containers that are plain child processes.
//
// It promises the life cycle of package container, to the letter, and nothing of
// its isolation: a function sees the host's files, network and processes with
// the rights of this process. Memory, CPUShares and Pids are not enforced, and
// OutOfMemory is never reported. It is for tests without root, and for systems
// without any sandbox whose operator insists.
//
// There being no mounts, a path in Spec.Command at or below a mount's Target is
// replaced by the same path below its Source. The working directory is a folder
// that is removed with the container. HOSTNAME tells the processes of a container
// from others: on Linux, Remove and Cleanup find by it, and by the working
// directory, also those that left the process group; elsewhere they get away.
package processcontainer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"quirl/container"
)

// Config says where and how a Factory works.
type Config struct {
	// Dir holds a folder for each living container: its socket, its temporary
	// files and the record by which Cleanup finds it again. It is made when it
	// does not exist. One factory at a time uses a Dir.
	Dir string

	// Log receives what an operator may want to know; nil discards it.
	Log *slog.Logger
}

// A Factory starts child processes. It implements container.Factory.
type Factory struct {
	dir string
	log *slog.Logger

	mu     sync.Mutex
	closed bool
	living map[*process]struct{}
	starts sync.WaitGroup // calls of Create under way
}

// New returns a Factory that keeps its files in cfg.Dir.
func New(cfg Config) (*Factory, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make container folder: %w", err)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("find container folder: %w", err)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Factory{dir: dir, log: cfg.Log, living: map[*process]struct{}{}}, nil
}

// Create starts spec.Command as a child in a process group of its own. Images
// cannot be had here: a Spec with one gives container.ErrNoImage.
func (f *Factory) Create(ctx context.Context, spec container.Spec) (container.Container, error) {
	if err := f.begin(); err != nil {
		return nil, err
	}
	defer f.starts.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if spec.Image != "" {
		return nil, fmt.Errorf("processes have no image %s: %w", spec.Image, container.ErrNoImage)
	}
	home, err := makeHome(f.dir)
	if err != nil {
		return nil, err
	}
	p, err := f.start(spec, home)
	if err != nil {
		home.remove()
		return nil, err
	}
	f.mu.Lock()
	f.living[p] = struct{}{}
	f.mu.Unlock()
	return p, nil
}

func (f *Factory) begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return container.ErrClosed
	}
	f.starts.Add(1)
	return nil
}

// start launches the process of a container whose home exists.
func (f *Factory) start(spec container.Spec, home home) (*process, error) {
	command := hostCommand(spec)
	if err := check(spec, command); err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: command[0],
		Args: command,
		Env:  environment(spec.Env, home),
		Dir:  home.tmp(),
		// A group of its own: that is what Pause, Resume and Remove act on.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	listener, err := home.listen()
	if err != nil {
		return nil, err
	}
	// The child alone holds the socket from here on, so that connecting fails
	// from the moment when it has ended.
	defer func() { _ = listener.Close() }()
	cmd.ExtraFiles = []*os.File{listener} // file descriptor container.ListenFD
	out, err := startWithOutput(cmd)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("start %s: %w", command[0], container.ErrNoCommand)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	// Before anybody waits for the process: until then its id stays its own.
	recorded := home.record(cmd.Process.Pid)
	p := newProcess(spec.Name, cmd, home, out, f.forget)
	if recorded != nil {
		_ = p.Remove(context.Background()) // a process that Cleanup would not find must not live
		return nil, recorded
	}
	f.log.Debug("process started", "container", p.ID(), "pid", cmd.Process.Pid)
	return p, nil
}

// check refuses what no factory can start.
func check(spec container.Spec, command []string) error {
	if len(command) == 0 || !filepath.IsAbs(command[0]) {
		return fmt.Errorf("start %q: no absolute path: %w", command, container.ErrNoCommand)
	}
	info, err := os.Stat(command[0])
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("start %s: no program: %w", command[0], container.ErrNoCommand)
	}
	for _, entry := range spec.Env {
		if !strings.Contains(entry, "=") {
			return fmt.Errorf("environment entry %q is not KEY=VALUE", entry)
		}
	}
	for _, m := range spec.Mounts {
		if _, err := os.Stat(m.Source); err != nil {
			return fmt.Errorf("mount %s: %w", m.Target, err)
		}
	}
	if spec.Memory < 0 || spec.CPUShares < 0 || spec.Pids < 0 {
		return fmt.Errorf("negative limit: memory %d, CPU shares %d, pids %d", spec.Memory, spec.CPUShares, spec.Pids)
	}
	return nil
}

// startWithOutput starts cmd with pipes as its standard output and error, and
// returns their reading ends.
func startWithOutput(cmd *exec.Cmd) (out [2]*output, err error) {
	var reads, writes [2]*os.File
	defer func() {
		for i := range writes {
			_ = writes[i].Close()
			if err != nil {
				_ = reads[i].Close()
			}
		}
	}()
	for i := range reads {
		if reads[i], writes[i], err = os.Pipe(); err != nil {
			return out, err
		}
	}
	cmd.Stdout, cmd.Stderr = writes[0], writes[1]
	if err = cmd.Start(); err != nil {
		return out, err
	}
	return [2]*output{newOutput(reads[0]), newOutput(reads[1])}, nil
}

// hostCommand is spec.Command with mounted paths replaced by real ones.
func hostCommand(spec container.Spec) []string {
	command := make([]string, len(spec.Command))
	for i, arg := range spec.Command {
		command[i] = hostPath(spec.Mounts, arg)
	}
	return command
}

func hostPath(mounts []container.Mount, path string) string {
	for _, m := range mounts {
		if rest, ok := strings.CutPrefix(path, m.Target); ok && (rest == "" || rest[0] == '/') {
			return m.Source + rest
		}
	}
	return path
}

func environment(env []string, home home) []string {
	all := append([]string{home.marker()}, env...) // first: what the Spec says wins
	return append(all, "QUIRL_LISTEN_FD="+strconv.Itoa(container.ListenFD))
}

func (f *Factory) forget(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.living, p)
}

// Cleanup kills the processes that a predecessor with the same Dir left, and
// removes their files.
func (f *Factory) Cleanup(ctx context.Context) error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("read container folder: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !e.IsDir() || !strings.HasPrefix(e.Name(), homePrefix) {
			continue
		}
		left := home{path: filepath.Join(f.dir, e.Name())}
		if err := left.killSurvivors(ctx); err != nil {
			errs = append(errs, err)
			continue // its folder is the only trace of it
		}
		left.remove()
	}
	return errors.Join(errs...)
}

// Close kills all processes of this factory and removes their files.
func (f *Factory) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.starts.Wait()

	f.mu.Lock()
	all := make([]*process, 0, len(f.living))
	for p := range f.living {
		all = append(all, p)
	}
	f.mu.Unlock()
	var errs []error
	for _, p := range all {
		errs = append(errs, p.Remove(context.Background()))
	}
	return errors.Join(errs...)
}
