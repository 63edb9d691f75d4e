package loop

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
)

// The texts are those of OpenWhisk's images (runtime contract 1.2, 5.2, 6.1).
const (
	textNoCode  = "Missing main/no code to execute."
	textAgain   = "Cannot initialize the action more than once."
	textLost    = "The action failed to generate or locate a binary. See logs for details."
	textDead    = "Cannot start action. Check logs for details."
	textVersion = "Execution environment version mismatch. See logs for details."
	textAbrupt  = "Command exited abruptly during initialization."
	textNone    = "no action defined yet"
	textResult  = "The action did not return a dictionary or array."
)

// An Action is one action, from its /init to the end of the process. Its methods may
// be called from many goroutines at once, and wait for each other.
type Action struct {
	config Config
	to     outputs

	mu    sync.Mutex // held while a request is answered
	tried bool       // an /init with code was seen
	code  built

	guard   sync.Mutex // of what end needs at any time
	program program    // nil when there is none, or it has ended
}

// A reply is the answer to a request.
type reply struct {
	status   int
	body     []byte
	silent   bool   // no sentinels were written
	compiled bool   // there is something to fetch from /compiled
	zip      string // in place of a body: the folder to send as a zip file
	killed   bool   // this process has to end, without a reply
}

// New returns the action of a process.
func New(config Config) (*Action, error) {
	stdout, err := newOutput(config.Stdout)
	if err != nil {
		return nil, err
	}
	stderr, err := newOutput(config.Stderr)
	if err != nil {
		return nil, err
	}
	return &Action{config: config, to: outputs{stdout, stderr}}, nil
}

func errorReply(status int, text string) reply {
	body, err := json.Marshal(map[string]string{"error": text})
	if err != nil {
		panic(err) // a text is always JSON
	}
	return reply{status: status, body: body}
}

var okReply = reply{status: http.StatusOK, body: []byte(`{"ok":true}`)}

// warm answers POST /warm: there is nothing to prepare.
func (a *Action) warm() reply {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tried {
		return errorReply(http.StatusForbidden, "Cannot warm an initialized runtime.")
	}
	return okReply
}

// initMessage is the value of an /init.
type initMessage struct {
	Main, Code, Folder string
	Binary             bool
	Env                map[string]json.RawMessage
}

func parseInit(body []byte) (initMessage, error) {
	var message struct{ Value initMessage }
	var syntax *json.SyntaxError
	if err := json.Unmarshal(body, &message); len(body) > 0 && errors.As(err, &syntax) {
		return initMessage{}, fmt.Errorf("cannot decode the request: %w", err)
	}
	return message.Value, nil // what is no object has no code
}

// init answers POST /init.
func (a *Action) init(body []byte) reply {
	value, err := parseInit(body)
	if err != nil {
		return errorReply(http.StatusBadRequest, err.Error())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tried {
		a.to.stderr.log(textAgain)
		return errorReply(http.StatusForbidden, textAgain)
	}
	if value.Code == "" && value.Folder == "" && a.config.Stub == "" {
		return a.refuse(http.StatusForbidden, textNoCode, textNoCode)
	}
	a.tried = true
	defer debug.FreeOSMemory() // the container is small, and the code may be large
	return a.start(value)
}

// refuse tells the log the details and the caller the text.
func (a *Action) refuse(status int, text, details string) reply {
	a.to.stderr.log(details)
	a.to.end("always")
	return errorReply(status, text)
}

func (a *Action) start(value initMessage) reply {
	code := []byte(value.Code)
	if value.Binary {
		var err error
		if code, err = base64.StdEncoding.DecodeString(value.Code); err != nil {
			text := fmt.Sprintf("cannot decode the request: %v", err)
			return a.refuse(http.StatusBadRequest, text, text)
		}
	}
	err := a.load(&upload{main: cmp.Or(value.Main, "main"), code: code, binary: value.Binary, folder: value.Folder, env: a.environment(value.Env)})
	switch {
	case err == nil:
		r := okReply
		r.compiled = a.code.compiled
		return r
	case errors.Is(err, errVersion):
		return a.refuse(http.StatusBadGateway, textVersion, err.Error())
	case errors.Is(err, errExited):
		return a.refuse(http.StatusBadGateway, textDead, textAbrupt)
	case a.code.folder != "": // there was something to start
		return a.refuse(http.StatusBadGateway, textDead, err.Error())
	}
	return a.refuse(http.StatusBadGateway, textLost, err.Error())
}

// load makes the upload ready and starts its program.
func (a *Action) load(u *upload) error {
	if a.config.Stub != "" && len(u.code) == 0 && u.folder == "" {
		a.setProgram(newEach(a.config.Stub, a.config.Dir, u.env, a.to))
		return nil
	}
	code, err := u.build(&a.config)
	if err != nil {
		return err
	}
	a.code = code
	command := []string{"./" + programFile}
	if !code.program {
		command = fill(a.config.Launcher, u.main, code.folder)
	}
	if a.config.Each {
		a.setProgram(newEach(command[0], code.folder, u.env, a.to))
		return nil
	}
	c, err := startChild(command, code.folder, u.env, a.to, a.config.Acknowledge)
	if err != nil {
		return err
	}
	a.setProgram(c)
	return nil
}

// fill puts the entry point and the folder into a launcher's command.
func fill(command []string, main, folder string) []string {
	filled := make([]string, len(command))
	for i, part := range command {
		filled[i] = strings.NewReplacer("{main}", main, "{folder}", folder).Replace(part)
	}
	return filled
}

// compiled answers POST /compiled: a zip file of the folder that the compiler made, which
// is valid as code of another /init and needs no compiler there.
func (a *Action) compiled() reply {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.code.compiled {
		return errorReply(http.StatusNotFound, "Nothing was compiled.")
	}
	return reply{zip: a.code.folder}
}

// environment is that of the programs: texts as they are, all else as JSON.
func (a *Action) environment(env map[string]json.RawMessage) []string {
	all := append([]string{}, a.config.Env...)
	if a.config.Acknowledge {
		all = append(all, "__OW_WAIT_FOR_ACK=1")
	}
	if a.config.Version != "" {
		all = append(all, "__OW_EXECUTION_ENV="+a.config.Version)
	}
	for name, value := range env {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		all = append(all, name+"="+text)
	}
	return all
}

// run answers POST /run.
func (a *Action) run(body []byte, sentinels string) reply {
	if len(body) == 0 {
		body = []byte("{}")
	}
	var line bytes.Buffer
	line.Grow(len(body) + 1)
	if err := json.Compact(&line, body); err != nil {
		return errorReply(http.StatusBadRequest, fmt.Sprintf("cannot decode the request: %v", err))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.getProgram()
	if p == nil {
		a.to.stderr.log(textNone)
		return errorReply(http.StatusInternalServerError, textNone)
	}
	r := a.call(p, line.Bytes())
	r.silent = a.to.end(sentinels)
	return r
}

func (a *Action) call(p program, line []byte) reply {
	answer, err := p.call(line)
	if err != nil {
		a.setProgram(nil)
		if errors.Is(err, ErrKilled) {
			return reply{killed: true} // whoever made the container knows why
		}
		return errorReply(http.StatusBadRequest, err.Error())
	}
	if !isResult(answer) {
		return errorReply(http.StatusBadGateway, textResult)
	}
	return reply{status: http.StatusOK, body: answer}
}

// isResult says that a text is an object or an array.
func isResult(text []byte) bool {
	text = bytes.TrimLeft(text, " \t")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[') && json.Valid(text)
}

func (a *Action) setProgram(p program) {
	a.guard.Lock()
	defer a.guard.Unlock()
	a.program = p
}

func (a *Action) getProgram() program {
	a.guard.Lock()
	defer a.guard.Unlock()
	return a.program
}

// end ends the program of the action, whatever it is doing.
func (a *Action) end() {
	if p := a.getProgram(); p != nil {
		p.kill()
	}
	a.to.stdout.drain()
	a.to.stderr.drain()
}
