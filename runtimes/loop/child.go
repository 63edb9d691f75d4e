package loop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// lastWords is how long a program that has ended may hold up its answer: what it wrote
// is there at once, but a process that it left behind may hold the other end open.
const lastWords = 100 * time.Millisecond

// survival is how long a program that does not acknowledge has to stay alive before it
// counts as started (runtime contract, 6.1).
const survival = 5 * time.Millisecond

// A child is a program that runs from /init on.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *os.File
	answer *bufio.Reader
	ended  chan struct{}
}

// startChild starts a command in a folder.
func startChild(command []string, dir string, env []string, to outputs, acknowledge bool) (*child, error) {
	out, answers, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe for answers: %w", err)
	}
	defer func() { _ = answers.Close() }() // the child has its own
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = to.stdout.child, to.stderr.child, []*os.File{answers}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	c := &child{cmd: cmd, in: in, out: out, answer: bufio.NewReaderSize(out, 64<<10), ended: make(chan struct{})}
	go c.wait()
	if err := c.started(acknowledge); err != nil {
		c.kill()
		return nil, err
	}
	return c, nil
}

func (c *child) wait() {
	_ = c.cmd.Wait() // ProcessState has all that there is to know
	close(c.ended)
	time.AfterFunc(lastWords, func() { _ = c.out.Close() })
}

func (c *child) started(acknowledge bool) error {
	if acknowledge {
		return c.acknowledged()
	}
	select {
	case <-c.ended:
		return errExited
	case <-time.After(survival):
		return nil
	}
}

func (c *child) acknowledged() error {
	line, err := c.answer.ReadBytes('\n')
	if err != nil {
		return errExited
	}
	var ack struct{ OK bool }
	if json.Unmarshal(line, &ack) != nil || !ack.OK {
		return fmt.Errorf("the command did not acknowledge but said %.200q", bytes.TrimSpace(line))
	}
	return nil
}

func (c *child) call(message []byte) ([]byte, error) {
	if _, err := c.in.Write(append(message, '\n')); err != nil {
		return nil, c.end()
	}
	answer, err := c.answer.ReadBytes('\n')
	if err != nil {
		return nil, c.end()
	}
	return bytes.TrimRight(answer, "\r\n"), nil
}

// end waits for the program's end, and tells how it came.
func (c *child) end() error {
	<-c.ended
	return ending(c.cmd.ProcessState)
}

func ending(state *os.ProcessState) error {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return ErrKilled
	}
	return errExited
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	<-c.ended
	_ = c.in.Close()
}
