//go:build linux

package sandboxcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"quirl/container"
	"quirl/container/ociimage"
	"quirl/container/sandboxcontainer/wire"
)

// A shell is a container's isolation, whose program waits to be released. Once
// started it is the inside of a sandbox.
type shell struct {
	id       string
	launcher *launcher
	socket   string
	stdout   *output
	stderr   *output
	box      wire.Shell
	image    string // its digest; empty without image
	foreign  bool   // its server listens on container.Port

	done    chan struct{} // closed when the first process has ended
	endOnce sync.Once
	exit    container.Exit // valid after done

	removeMu sync.Mutex
	removed  bool
}

// limits are what a shell does not know before it is started.
type limits struct {
	memory int64
	shares int
	tmp    int64
}

// backlog is how many connections may wait for a booting runtime.
const backlog = 4096

// newShell makes a shell from an image, or without one from the host's files;
// ahead says that nobody waits for it.
func (f *Factory) newShell(ctx context.Context, spec container.Spec, image *ociimage.Image, ahead bool) (*shell, error) {
	l, err := f.running(ctx)
	if err != nil {
		return nil, err
	}
	order, err := f.order(l, spec, image)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.serial++
	id := "b" + strconv.FormatUint(f.serial, 10)
	f.mu.Unlock()
	order.Box, order.Ahead = id, ahead

	s := &shell{
		id: id, launcher: l, socket: filepath.Join(f.sockets(), id, "s"), done: make(chan struct{}),
		image: digest(image), foreign: order.Foreign,
	}
	files, err := s.open()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create container: %w", err), s.close())
	}
	err = s.make(ctx, order, files)
	// The launcher has its own copies now; ours would keep the socket and the
	// pipes open after the container's end.
	wire.CloseFiles(files)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// open makes the socket and the pipes. It returns what goes to the launcher:
// the listening socket and the write ends of standard output and error.
func (s *shell) open() (files []*os.File, err error) {
	defer func() {
		if err != nil {
			wire.CloseFiles(files)
			files = nil
		}
	}()
	if err := os.Mkdir(filepath.Dir(s.socket), 0o700); err != nil {
		return nil, err
	}
	listener, err := listen(s.socket)
	if err != nil {
		return nil, err
	}
	files = append(files, listener)
	for _, out := range []**output{&s.stdout, &s.stderr} {
		read, write, err := pipe()
		if err != nil {
			return files, err
		}
		*out = newOutput(read)
		files = append(files, write)
	}
	return files, nil
}

// listen makes a listening socket in blocking mode, as a program expects it
// that was not written in Go.
func listen(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("listen", err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// pipe makes a pipe whose read end works with the runtime's poller and whose
// write end is in blocking mode.
func pipe() (read, write *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fds[0]), "output"), os.NewFile(uintptr(fds[1]), "output"), nil
}

// make asks the launcher for the box. When ctx ends first, the box is removed
// as soon as it is there.
func (s *shell) make(ctx context.Context, m wire.Create, files []*os.File) error {
	if err := s.launcher.adopt(s); err != nil {
		return errors.Join(fmt.Errorf("create container: %w", err), s.close())
	}
	waiting, err := s.launcher.send(wire.Message{Create: &m}, files...)
	if err != nil {
		s.launcher.disown(s)
		return errors.Join(fmt.Errorf("create container: %w", err), s.close())
	}
	select {
	case reply, ok := <-waiting:
		made, err := result(reply.Message, ok)
		if err == nil && made.Shell == nil {
			err = errors.New("launcher is of another version")
		}
		if err != nil {
			s.launcher.disown(s)
			return errors.Join(fmt.Errorf("create container: %w", err), s.close())
		}
		s.box = *made.Shell
		return nil
	case <-ctx.Done():
		go func() {
			if reply, ok := <-waiting; ok && reply.Failure == nil {
				s.discard()
				return
			}
			s.launcher.disown(s)
			_ = s.close()
		}()
		return ctx.Err()
	}
}

// start releases the program.
func (s *shell) start(ctx context.Context, l limits) error {
	_, err := s.launcher.call(ctx, wire.Message{Start: &wire.Start{Box: s.id, Memory: l.memory, CPUShares: l.shares, TmpSize: l.tmp}})
	if err != nil {
		return fmt.Errorf("start container: %w", err)
	}
	return nil
}

func (s *shell) end(exit container.Exit) {
	s.endOnce.Do(func() {
		s.exit = exit
		close(s.done)
	})
}

// remove kills the shell's processes and gives everything back.
func (s *shell) remove() error {
	s.removeMu.Lock()
	defer s.removeMu.Unlock()
	if s.removed {
		return nil
	}
	_, err := s.launcher.call(context.Background(), wire.Message{Remove: &wire.Remove{Box: s.id}})
	if errors.Is(err, errLauncherGone) {
		// Dead launchers take their boxes along, or their successor does.
		<-s.launcher.gone
		err = nil
	}
	if err != nil {
		return fmt.Errorf("remove container: %w", err)
	}
	s.launcher.disown(s)
	s.end(container.Exit{Code: 128 + int(unix.SIGKILL)})
	if err := os.RemoveAll(filepath.Dir(s.socket)); err != nil {
		return fmt.Errorf("remove container: %w", err)
	}
	s.removed = true
	return nil
}

// discard removes a shell that no caller has seen.
func (s *shell) discard() {
	if err := s.remove(); err != nil {
		s.launcher.log.Error("shell not removed", "container", s.id, "err", err)
	}
	s.stdout.close()
	s.stderr.close()
}

// close gives back what open made, for a shell whose box was never made.
func (s *shell) close() error {
	for _, out := range []*output{s.stdout, s.stderr} {
		if out != nil {
			out.close()
		}
	}
	return os.RemoveAll(filepath.Dir(s.socket))
}

// isDone says whether the first process has ended.
func (s *shell) isDone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// tick is a wait for what gives no sign of its own.
func tick(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
