//go:build linux && cgo

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"

	"quirl/container/sandboxcontainer/wire"
)

var (
	errNoCommand = errors.New("executable file not found")
	errGone      = errors.New("box is gone")
)

// removeTimeout bounds how long the kernel may take to end a killed box.
const removeTimeout = 20 * time.Second

// A box is one container, first as a shell, then started.
type box struct {
	host    *host
	name    string
	ids     idRange
	inner   *libcontainer.Container
	process *libcontainer.Process
	pid     int
	pidfd   *os.File // so that a signal never hits a reused pid
	limits  *limits  // nil without cgroups
	link    link     // nil without network
	layers  *layers  // nil without image

	ended       chan struct{} // closed when the first process has ended
	code        int           // valid after ended
	outOfMemory bool          // valid after ended

	mu      sync.Mutex // serializes start and remove
	removed bool
}

// newBox makes a shell. files are the listening socket, stdout and stderr.
func (h *host) newBox(m *wire.Create, files []*os.File) (*box, error) {
	b := &box{host: h, name: m.Box, ended: make(chan struct{})}
	var err error
	if b.ids, err = h.ids.take(); err != nil {
		return nil, err
	}
	// A program may open /dev/stdout anew, which asks the pipe's permissions.
	for _, f := range files[1:] {
		if err := f.Chown(b.ids.hostUser(), b.ids.hostGroup()); err != nil && !h.rootless {
			h.ids.giveBack(b.ids)
			return nil, fmt.Errorf("hand over output: %w", err)
		}
	}
	if err := h.makers.do(m.Ahead, func() error { return b.make(m, files) }); err != nil {
		h.ids.giveBack(b.ids)
		return nil, err
	}
	go b.wait()
	if err := b.connect(); err != nil {
		return nil, errors.Join(err, b.remove())
	}
	return b, nil
}

func (b *box) make(m *wire.Create, files []*os.File) error {
	root := m.Rootfs
	if m.Image != "" {
		var err error
		if b.layers, err = b.host.lay(m); err != nil {
			return fmt.Errorf("create box: %w", err)
		}
		root = b.layers.root()
	}
	if err := b.makeIn(root, m, files); err != nil {
		return errors.Join(err, b.layers.remove())
	}
	return nil
}

func (b *box) makeIn(root string, m *wire.Create, files []*os.File) error {
	inner, err := libcontainer.Create(b.host.stateDir(), b.name, b.host.config(m, root, b.ids))
	if err != nil {
		return fmt.Errorf("create box: %w", err)
	}
	b.inner = inner
	no := true
	sockets := files[:1]
	if m.Foreign {
		sockets = nil
	}
	b.process = &libcontainer.Process{
		Init:            true,
		Args:            m.Command,
		Env:             m.Env,
		UID:             b.ids.user(),
		GID:             b.ids.user(),
		Cwd:             cmp.Or(m.Dir, "/tmp"),
		Stdout:          files[1],
		Stderr:          files[2],
		ExtraFiles:      sockets,
		NoNewPrivileges: &no,
		LogLevel:        "2",
	}
	if err := inner.Start(b.process); err != nil {
		destroyError := inner.Destroy()
		return errors.Join(startError(m.Command[0], err), destroyError)
	}
	if err := b.adopt(); err != nil {
		killError := inner.Signal(syscall.SIGKILL)
		_, waitError := b.process.Wait()
		return errors.Join(err, killError, waitError, inner.Destroy())
	}
	return nil
}

// adopt takes hold of the process that was just made.
func (b *box) adopt() error {
	var err error
	if b.pid, err = b.process.Pid(); err != nil {
		return err
	}
	fd, err := unix.PidfdOpen(b.pid, 0)
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	b.pidfd = os.NewFile(uintptr(fd), "pidfd")
	if b.host.cgroups == nil {
		return nil
	}
	state, err := b.inner.State()
	if err != nil {
		return err
	}
	paths := maps.Clone(state.CgroupPaths) // what Destroy removes stands in the original
	if !b.host.cgroups.unified {
		delete(paths, "") // of a hybrid: version 2 is there, but without controllers
	}
	b.limits = &limits{paths: paths}
	return nil
}

// startError finds out whether the user is to blame. The error comes as text
// from the other process.
func startError(command string, err error) error {
	text := err.Error()
	for _, cause := range []string{"no such file or directory", "not found", "permission denied", "is a directory", "not a directory"} {
		if strings.Contains(text, fmt.Sprintf("exec: %q", command)) && strings.Contains(text, cause) {
			return fmt.Errorf("%w: %s", errNoCommand, command)
		}
	}
	return fmt.Errorf("start box: %w", err)
}

// connect gives the box its network, off the hot path.
func (b *box) connect() error {
	l, err := b.host.network.attach(b.name, b.pid)
	if err != nil {
		return fmt.Errorf("connect box: %w", err)
	}
	b.link = l
	return nil
}

// wait collects the first process.
func (b *box) wait() {
	state, err := b.process.Wait()
	if err != nil && state == nil {
		b.host.log.Error("box lost", "box", b.name, "err", err)
		b.code = 128 + int(syscall.SIGKILL)
	} else {
		b.code = exitCode(state)
	}
	b.outOfMemory = b.limits.outOfMemory()
	close(b.ended)
}

func exitCode(state *os.ProcessState) int {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

func (b *box) shell() *wire.Shell {
	s := &wire.Shell{Pid: b.pid, HostUID: b.ids.hostUser()}
	if b.limits != nil {
		s.Cgroups = b.limits.paths
	}
	if b.link != nil {
		s.Address = b.link.address()
	}
	return s
}

// exited tells how the first process ended; only after it has.
func (b *box) exited() *wire.Exited {
	return &wire.Exited{Box: b.name, Code: b.code, OutOfMemory: b.outOfMemory}
}

// start sets the limits and opens the gate.
func (b *box) start(m *wire.Start) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.removed || isClosed(b.ended) {
		return fmt.Errorf("box %s: %w", b.name, errGone)
	}
	if b.limits != nil {
		if err := b.limits.set(m.Memory, m.CPUShares); err != nil {
			return fmt.Errorf("limit box: %w", err)
		}
	} else {
		limitByRlimit(b.pid, m.Memory)
	}
	if !b.host.rootless {
		if err := resizeTmp(b.pid, m.TmpSize); err != nil {
			return fmt.Errorf("limit /tmp: %w", err)
		}
		if err := b.layers.resize(m.TmpSize); err != nil {
			return fmt.Errorf("limit root: %w", err)
		}
		// The shell may have been made at low priority.
		_ = unix.Setpriority(unix.PRIO_PROCESS, b.pid, 0)
	}
	return b.openGate()
}

// openGate does what libcontainer's Exec does, without its goroutines and time
// outs: as soon as the exec fifo has a reader, the box's process writes one
// byte into it and goes on to its program.
func (b *box) openGate() error {
	name := filepath.Join(b.host.stateDir(), b.name, "exec.fifo")
	gate, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open gate", Path: name, Err: err}
	}
	defer unix.Close(gate)
	// Either the byte comes or the process ends; the kernel wakes us for both.
	wait := []unix.PollFd{{Fd: int32(gate), Events: unix.POLLIN}, {Fd: int32(b.pidfd.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(wait, -1)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("poll", err)
		}
	}
	// A process that has ended since may have passed the gate before.
	if n, err := unix.Read(gate, make([]byte, 1)); n != 1 {
		return fmt.Errorf("box %s: %w: its gate had %d, %v", b.name, errGone, n, err)
	}
	return os.Remove(name)
}

// remove kills what runs and gives everything back. It may be called again
// after it failed.
func (b *box) remove() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.removed {
		return nil
	}
	if err := b.kill(); err != nil {
		return err
	}
	var problems []error
	if b.link != nil {
		if err := b.link.detach(); err != nil {
			problems = append(problems, fmt.Errorf("disconnect box: %w", err))
		}
	}
	if err := b.inner.Destroy(); err != nil {
		problems = append(problems, fmt.Errorf("destroy box: %w", err))
	}
	if err := b.layers.remove(); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	b.host.ids.giveBack(b.ids)
	b.pidfd.Close()
	b.removed = true
	return nil
}

func (b *box) kill() error {
	if isClosed(b.ended) {
		return nil
	}
	// Killing the first process of a pid namespace kills all others in it.
	if err := unix.PidfdSendSignal(int(b.pidfd.Fd()), syscall.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill box: %w", err)
	}
	if b.limits != nil {
		// A frozen process of cgroup v1 does not even notice SIGKILL.
		if err := b.limits.thaw(); err != nil {
			return fmt.Errorf("thaw box: %w", err)
		}
	}
	select {
	case <-b.ended:
		return nil
	case <-time.After(removeTimeout):
		return fmt.Errorf("box %s does not end though killed; is its storage hanging?", b.name)
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
