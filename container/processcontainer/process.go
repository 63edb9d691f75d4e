package processcontainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"quirl/container"
)

// exitNotice bounds how long Dial waits, after a refused connection, for the
// news that the process has ended: the socket closes a moment before that.
const exitNotice = time.Second

// A process is one container.
type process struct {
	id     string
	cmd    *exec.Cmd
	home   home
	out    [2]*output
	forget func(*process)

	done chan struct{} // closed when the first process has ended
	exit container.Exit

	mu      sync.Mutex
	reaped  bool // the process group may belong to somebody else
	removed bool
}

func newProcess(name string, cmd *exec.Cmd, home home, out [2]*output, forget func(*process)) *process {
	p := &process{id: name, cmd: cmd, home: home, out: out, forget: forget, done: make(chan struct{})}
	if p.id == "" {
		p.id = fmt.Sprintf("process_%d", cmd.Process.Pid)
	}
	go p.wait()
	return p
}

// wait ends with the first process, and takes the rest of its group along, as
// the end of a container's first process does.
func (p *process) wait() {
	awaitExit(p.cmd.Process.Pid) // while it is not reaped, nobody else gets its id
	p.mu.Lock()
	_ = killGroup(p.cmd.Process.Pid)
	p.reaped = true
	p.mu.Unlock()
	_ = p.cmd.Wait() // its error is the exit status, which follows
	p.exit = exitOf(p.cmd.ProcessState.Sys())
	close(p.done)
}

func exitOf(sys any) container.Exit {
	status, ok := sys.(syscall.WaitStatus)
	switch {
	case !ok:
		return container.Exit{Code: -1}
	case status.Signaled():
		return container.Exit{Code: 128 + int(status.Signal())}
	default:
		return container.Exit{Code: status.ExitStatus()}
	}
}

// ID returns the name that the Spec gave.
func (p *process) ID() string { return p.id }

// Dial connects to the socket that the process inherited; the kernel accepts
// connections before the process does, so there is nothing to wait for.
func (p *process) Dial(ctx context.Context) (net.Conn, error) {
	select {
	case <-p.done:
		return nil, container.ErrGone
	default:
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", p.home.socket())
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	timer := time.NewTimer(exitNotice)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil, container.ErrGone
	case <-ctx.Done():
	case <-timer.C:
	}
	return nil, fmt.Errorf("connect to %s: %w", p.id, err)
}

// Output returns the reading ends of the two pipes.
func (p *process) Output() (stdout, stderr io.Reader) { return p.out[0], p.out[1] }

// Pause sends SIGSTOP to the process group.
func (p *process) Pause(context.Context) error { return p.signal(syscall.SIGSTOP) }

// Resume sends SIGCONT to the process group.
func (p *process) Resume(context.Context) error { return p.signal(syscall.SIGCONT) }

func (p *process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped || p.removed {
		return container.ErrGone
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, sig); err != nil {
		return fmt.Errorf("signal %s: %w", p.id, err)
	}
	return nil
}

// Done is closed when the process was waited for.
func (p *process) Done() <-chan struct{} { return p.done }

// Exit tells how the process ended.
func (p *process) Exit() container.Exit {
	select {
	case <-p.done:
		return p.exit
	default:
		return container.Exit{}
	}
}

// Remove kills the group, waits for the process to end, and removes its files.
// SIGKILL takes processes in any state, so the wait is short; ctx bounds it all the same.
func (p *process) Remove(ctx context.Context) error {
	p.mu.Lock()
	p.removed = true
	if !p.reaped {
		_ = killGroup(p.cmd.Process.Pid)
	}
	p.mu.Unlock()
	select {
	case <-p.done:
	case <-ctx.Done():
		return fmt.Errorf("wait for end of %s: %w", p.id, ctx.Err())
	}
	if err := p.home.killEscaped(ctx); err != nil {
		return fmt.Errorf("wait for end of all of %s: %w", p.id, err)
	}
	for _, o := range p.out {
		o.finish()
	}
	p.home.remove()
	p.forget(p)
	return nil
}

// killGroup kills a process group; that there is none any more is not an error.
func killGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EPERM) { // EPERM: darwin, for zombies
		return nil
	}
	return err
}
