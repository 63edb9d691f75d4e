package loop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// maxArgument is the longest argument that a program can be started with (Linux,
// execve(2): 128 KiB with the final zero byte); what is longer comes on its standard
// input alone.
const maxArgument = 131071

// each starts a program for each activation. Its last line is the result, what it
// prints before is output.
type each struct {
	path string
	dir  string
	env  []string
	to   outputs

	ctx  context.Context // ended by kill
	stop context.CancelFunc
}

func newEach(path, dir string, env []string, to outputs) *each {
	ctx, stop := context.WithCancel(context.Background())
	return &each{path, dir, env, to, ctx, stop}
}

func (e *each) call(message []byte) ([]byte, error) {
	var request map[string]json.RawMessage
	if err := json.Unmarshal(message, &request); err != nil {
		return nil, fmt.Errorf("cannot decode the request: %w", err)
	}
	value := request["value"]
	if value == nil {
		value = json.RawMessage("{}")
	}
	cmd := exec.CommandContext(e.ctx, e.path)
	cmd.Dir, cmd.Env = e.dir, append(e.env[:len(e.env):len(e.env)], exported(request)...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(value), e.to.stderr.child
	if len(value) <= maxArgument {
		cmd.Args = append(cmd.Args, string(value))
	}
	last := lastLine{to: e.to.stdout}
	cmd.Stdout = &last
	cmd.WaitDelay = lastWords
	err := cmd.Run()
	if cmd.ProcessState == nil {
		e.to.stderr.log(err.Error())
		return nil, nil
	}
	result := last.result()
	if result == nil && errors.Is(ending(cmd.ProcessState), ErrKilled) {
		return nil, ErrKilled
	}
	return result, nil
}

func (e *each) kill() { e.stop() }

// exported are the variables of an activation (runtime contract, 1.3).
func exported(request map[string]json.RawMessage) []string {
	var env []string
	for name, value := range request {
		var text string
		if name != "value" && json.Unmarshal(value, &text) == nil {
			env = append(env, "__OW_"+strings.ToUpper(name)+"="+text)
		}
	}
	return env
}

// A lastLine passes lines on but for the last one.
type lastLine struct {
	to   *output
	line []byte // with its end, if it has one
}

func (l *lastLine) Write(text []byte) (int, error) {
	for rest := text; len(rest) > 0; {
		if bytes.HasSuffix(l.line, []byte("\n")) { // there is a later one
			l.pass()
		}
		line, _, found := bytes.Cut(rest, []byte("\n"))
		if found {
			line = rest[:len(line)+1]
		}
		l.line = append(l.line, line...)
		rest = rest[len(line):]
	}
	return len(text), nil
}

func (l *lastLine) pass() {
	l.to.mu.Lock()
	defer l.to.mu.Unlock()
	if len(l.line) > 0 {
		l.to.write(l.line)
	}
	l.line = l.line[:0]
}

// result is the last line if it is an object or an array; else it is output too.
func (l *lastLine) result() []byte {
	if line := bytes.TrimSpace(l.line); isResult(line) {
		return line
	}
	l.pass()
	return nil
}
