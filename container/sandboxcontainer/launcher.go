//go:build linux

package sandboxcontainer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"quirl/container"
	"quirl/container/sandboxcontainer/wire"
)

const (
	launcherName = "quirl-sandbox"
	// stopTimeout is how long a launcher may take to remove all its containers.
	stopTimeout = 60 * time.Second
	// launcherPath is where it finds the few programs it may need.
	launcherPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// errRefused is why a dial failed: nobody listens there yet.
var errRefused = errors.New("connection refused")

// errLauncherGone is why a request failed that the launcher did not answer.
var errLauncherGone = errors.New("sandbox launcher is gone")

// findLauncher returns the path of the launcher's program.
func findLauncher(configured string) (string, error) {
	if configured != "" {
		if _, err := exec.LookPath(configured); err != nil {
			return "", fmt.Errorf("sandbox: launcher: %w", err)
		}
		return configured, nil
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), launcherName)
		if _, err := exec.LookPath(beside); err == nil {
			return beside, nil
		}
	}
	program, err := exec.LookPath(launcherName)
	if err != nil {
		return "", fmt.Errorf("sandbox: launcher: %w; put %s beside this program", err, launcherName)
	}
	return program, nil
}

// A launcher is a running launcher process.
type launcher struct {
	log   *slog.Logger
	cmd   *exec.Cmd
	conn  *wire.Conn
	ready wire.Ready
	gone  chan struct{} // closed when it has ended and been waited for

	mu      sync.Mutex
	ended   bool // no replies and events any more
	serial  uint64
	pending map[uint64]chan answer
	shells  map[string]*shell
}

// An answer is a reply with the files that came with it.
type answer struct {
	wire.Message
	files []*os.File
}

func startLauncher(ctx context.Context, config Config, nameservers []string) (*launcher, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	conn, err := wire.NewConn(ours)
	if err != nil {
		theirs.Close()
		return nil, err
	}
	l := &launcher{
		log: config.Log, conn: conn, gone: make(chan struct{}),
		pending: make(map[uint64]chan answer), shells: make(map[string]*shell),
	}
	err = l.launch(config.Launcher, theirs)
	theirs.Close()
	if err != nil {
		conn.Close()
		return nil, err
	}
	reply, err := l.call(ctx, wire.Message{Setup: &wire.Setup{
		Instance: config.Instance, Dir: config.dir(), Network: config.Network, Blocked: config.Blocked,
		Nameservers: nameservers, CgroupRoot: config.CgroupRoot, WaitSeconds: int(config.LockWait / time.Second),
	}})
	if err == nil && reply.Ready == nil {
		err = errors.New("launcher is of another version")
	}
	if err != nil && ctx.Err() != nil {
		// It may wait for the lock for long, and has no containers yet.
		killErr := l.cmd.Process.Kill()
		<-l.gone
		return nil, errors.Join(fmt.Errorf("sandbox: set up: %w", err), killErr)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: set up: %w", err), l.stop())
	}
	l.ready = *reply.Ready
	for _, w := range l.ready.Warnings {
		l.log.Warn("sandbox is limited", "what", w)
	}
	if l.ready.Removed > 0 {
		l.log.Info("left-over containers removed", "containers", l.ready.Removed)
	}
	return l, nil
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "launcher"), os.NewFile(uintptr(fds[1]), "factory"), nil
}

func (l *launcher) launch(program string, socket *os.File) error {
	l.cmd = exec.Command(program, "serve")
	l.cmd.Dir = "/"
	l.cmd.Env = []string{launcherPath}
	l.cmd.ExtraFiles = []*os.File{socket}
	// A session of its own: what a terminal sends to us is not for the launcher.
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() == 0 {
		// Its mounts are its own, so that they end with it, however it ends.
		l.cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	}
	text, err := l.cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("sandbox: start launcher: %w", err)
	}
	if err := l.cmd.Start(); err != nil {
		return fmt.Errorf("sandbox: start launcher: %w", err)
	}
	go l.run(text)
	return nil
}

// run serves the launcher until it ends.
func (l *launcher) run(text io.Reader) {
	var reading sync.WaitGroup
	reading.Go(func() { l.read() })
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		l.log.Warn("launcher says", "text", lines.Text())
	}
	_, _ = io.Copy(io.Discard, text) // after a line too long to scan
	if err := l.cmd.Wait(); err != nil {
		l.log.Error("launcher failed", "err", err)
	}
	reading.Wait()
	l.conn.Close()
	close(l.gone)
}

// read hands replies and events to those who wait for them.
func (l *launcher) read() {
	for {
		m, files, err := l.conn.Receive()
		if err != nil {
			l.end()
			return
		}
		if m.Exited != nil {
			l.exited(*m.Exited)
		}
		if m.ID == 0 {
			wire.CloseFiles(files)
			continue // an event
		}
		l.mu.Lock()
		waiting := l.pending[m.ID]
		delete(l.pending, m.ID)
		l.mu.Unlock()
		if waiting != nil {
			waiting <- answer{m, files}
		}
	}
}

func (l *launcher) exited(e wire.Exited) {
	l.mu.Lock()
	s := l.shells[e.Box]
	l.mu.Unlock()
	if s != nil {
		s.end(container.Exit{Code: e.Code, OutOfMemory: e.OutOfMemory})
	}
}

// end wakes everybody: without launcher there is no container.
func (l *launcher) end() {
	l.mu.Lock()
	l.ended = true
	pending, shells := l.pending, l.shells
	l.pending, l.shells = nil, nil
	l.mu.Unlock()
	for _, waiting := range pending {
		close(waiting)
	}
	for _, s := range shells {
		s.end(container.Exit{Code: 128 + int(syscall.SIGKILL)})
	}
}

func (l *launcher) alive() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.ended
}

// adopt lets s hear of its end. Before its creation, as it may end at once.
func (l *launcher) adopt(s *shell) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errLauncherGone
	}
	l.shells[s.id] = s
	return nil
}

func (l *launcher) disown(s *shell) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.shells, s.id)
}

// call sends a request and waits for its reply. When ctx ends first the request
// goes on without anybody waiting.
func (l *launcher) call(ctx context.Context, m wire.Message, files ...*os.File) (wire.Message, error) {
	waiting, err := l.send(m, files...)
	if err != nil {
		return wire.Message{}, err
	}
	select {
	case reply, ok := <-waiting:
		wire.CloseFiles(reply.files)
		return result(reply.Message, ok)
	case <-ctx.Done():
		return wire.Message{}, ctx.Err()
	}
}

// callForFile is call for a request whose reply comes with one file, the
// caller's to close. It does not give up: a file that nobody takes would stay.
func (l *launcher) callForFile(m wire.Message) (*os.File, error) {
	waiting, err := l.send(m)
	if err != nil {
		return nil, err
	}
	reply, ok := <-waiting
	if _, err = result(reply.Message, ok); err == nil && len(reply.files) == 1 {
		return reply.files[0], nil
	}
	wire.CloseFiles(reply.files)
	if err == nil {
		err = errors.New("launcher is of another version")
	}
	return nil, err
}

// send sends a request and returns where its reply will come, or the end.
func (l *launcher) send(m wire.Message, files ...*os.File) (<-chan answer, error) {
	waiting := make(chan answer, 1)
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return nil, errLauncherGone
	}
	l.serial++
	m.ID = l.serial
	l.pending[m.ID] = waiting
	l.mu.Unlock()
	if err := l.conn.Send(m, files...); err != nil {
		l.mu.Lock()
		delete(l.pending, m.ID)
		l.mu.Unlock()
		if errors.Is(err, wire.ErrTooLong) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", errLauncherGone, err)
	}
	return waiting, nil
}

func result(reply wire.Message, ok bool) (wire.Message, error) {
	if !ok {
		return wire.Message{}, errLauncherGone
	}
	if reply.Failure == nil {
		return reply, nil
	}
	switch {
	case reply.Failure.NoCommand:
		return reply, fmt.Errorf("%w: %s", container.ErrNoCommand, reply.Failure.Text)
	case reply.Failure.Refused:
		return reply, errRefused
	case reply.Failure.Gone:
		return reply, fmt.Errorf("%w: %s", container.ErrGone, reply.Failure.Text)
	}
	return reply, errors.New(reply.Failure.Text)
}

// stop ends the launcher, which removes all containers first.
func (l *launcher) stop() error {
	// Half-closed, so that exits are still heard.
	_ = l.conn.CloseWrite()
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	select {
	case <-l.gone:
		return nil
	case <-timeout.C:
		killErr := l.cmd.Process.Kill()
		<-l.gone
		return errors.Join(fmt.Errorf("sandbox: launcher did not end within %v and was killed", stopTimeout), killErr)
	}
}
