package composer_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"quirl/composer"
	"quirl/internal/storytest"
	"quirl/whisk"
)

// TestStories plays each file of testdata: lines that begin a column are what
// happens, indented lines are what the machine wants. The machine is stored and
// read back after every step, so that every story is also one of a restart.
//
//	limit N                          how many components may run
//	define NAME KIND [WORD...]       an action of namespace ns: primitive MB, conductor MB, sequence COMPONENT...
//	forbid NAME                      the caller may not use it
//	forget NAME                      it is deleted
//	start NAME [INPUT]
//	ended STATUS RESULT [MILLISECONDS]   of the activation that runs
//	lost, failed                     what else may become of it
func TestStories(t *testing.T) { storytest.Run(t, play) }

// A stage is where a story plays.
type stage struct {
	t       *testing.T
	machine *composer.Machine
	limit   int
	actions map[string]composer.Target
	forbid  map[string]bool
	ids     int
	running composer.Run
	now     time.Time
	out     strings.Builder
}

func play(t *testing.T, story string) string {
	s := &stage{t: t, limit: 50, actions: map[string]composer.Target{}, forbid: map[string]bool{}, now: time.UnixMilli(1_700_000_000_000).UTC()}
	for line := range strings.Lines(story) {
		if strings.HasPrefix(line, "    ") {
			continue
		}
		s.out.WriteString(line)
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		s.do(words)
	}
	return s.out.String()
}

func (s *stage) do(words []string) {
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch words[0] {
	case "limit":
		s.limit = s.number(arg(1))
	case "define":
		s.define(arg(1), arg(2), words[3:])
	case "forbid":
		s.forbid[arg(1)] = true
	case "forget":
		delete(s.actions, arg(1))
	case "start":
		s.machine = composer.New("ns", "ann", s.limit)
		s.step(composer.Started{ID: s.newID(), Target: s.actions[arg(1)], Input: []byte(arg(2)), Received: s.now.Add(-7 * time.Millisecond)})
	case "ended":
		ms := 0
		if arg(3) != "" {
			ms = s.number(arg(3))
		}
		status := map[string]whisk.Status{"success": whisk.Success, "application": whisk.ApplicationError, "developer": whisk.DeveloperError, "internal": whisk.InternalError}[arg(1)]
		size := len(arg(2))
		s.step(composer.Ended{
			ID: s.running.ID, Duration: int64(ms), Memory: s.running.Target.Limits.Memory,
			Response: whisk.Response{Status: status, Result: []byte(arg(2)), Size: &size},
		})
	case "lost":
		s.step(composer.Lost{ID: s.running.ID})
	case "failed":
		s.step(composer.Failed{})
	default:
		s.t.Fatalf("what is %q?", words)
	}
}

func (s *stage) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func fullName(name string) whisk.FullName {
	if strings.HasPrefix(name, "/") {
		full, _ := whisk.ParseFullName(name)
		return full
	}
	return whisk.FullName{Path: "ns", Name: name}
}

func (s *stage) define(name, kind string, words []string) {
	t := composer.Target{Ref: fullName(name), Name: fullName(name), Version: whisk.FirstVersion(), Limits: whisk.ActionLimits{Timeout: 60_000, Memory: 256, Logs: 10, Concurrency: 1}}
	switch kind {
	case "sequence":
		t.Kind = composer.Sequence
		for _, w := range words {
			t.Components = append(t.Components, fullName(w))
		}
	case "conductor", "primitive":
		t.Kind = map[string]composer.Kind{"conductor": composer.Composition, "primitive": composer.Primitive}[kind]
		if len(words) > 0 {
			t.Limits.Memory = s.number(words[0])
		}
	default:
		s.t.Fatalf("what kind is %q?", kind)
	}
	s.actions[name] = t
}

func (s *stage) newID() whisk.ActivationID {
	s.ids++
	return whisk.ActivationID(strconv.Itoa(s.ids))
}

// step takes the machine on until it waits for an activation, or is done.
func (s *stage) step(e composer.Event) {
	for e != nil {
		s.now = s.now.Add(time.Millisecond)
		effects := s.machine.Step(e, s.now, s.newID)
		s.restart()
		e = nil
		for i, effect := range effects {
			if e != nil {
				s.t.Fatalf("effect %d of %+v comes after one that is to be answered", i, effects)
			}
			e = s.answer(effect)
		}
	}
	if s.machine.Done() {
		s.print("done")
	}
}

func (s *stage) restart() {
	text, err := json.Marshal(s.machine)
	if err != nil {
		s.t.Fatal(err)
	}
	s.machine = new(composer.Machine)
	if err := json.Unmarshal(text, s.machine); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) print(format string, args ...any) {
	fmt.Fprintf(&s.out, "    "+format+"\n", args...)
}

func (s *stage) answer(e composer.Effect) composer.Event {
	switch e := e.(type) {
	case composer.Prepare:
		s.print("prepare for %s: %v", e.Frame, e.Names)
	case composer.Find:
		name := strings.TrimPrefix(e.Name.ID(), "ns/")
		t, found := s.actions[name]
		switch {
		case s.forbid[name] && e.Entitled:
			s.print("%s is forbidden", e.Name)
			return composer.NotAllowed{Name: e.Name}
		case !found:
			s.print("%s is missing", e.Name)
			return composer.NotFound{Name: e.Name}
		}
		return composer.Found{Target: t}
	case composer.Run:
		if s.machine.Awaiting != e.ID {
			s.t.Errorf("the machine waits for %q, and wants %s to run", s.machine.Awaiting, e.ID)
		}
		s.running = e
		s.print("run %s: %s %s for %s", e.ID, e.Target.Name.Name, e.Input, e.Cause)
	case composer.Record:
		a := e.Activation
		size := "no size"
		if a.Response.Size != nil {
			size = fmt.Sprintf("%d bytes", *a.Response.Size)
		}
		notes := ""
		for _, n := range a.Annotations {
			notes += fmt.Sprintf(" %s=%s", n.Key, n.Value)
		}
		s.print("record %s of %s, cause %q: %s %s, %s, %d ms, logs %v,%s", a.ID, a.Name, a.Cause, a.Response.Status, a.Response.Result, size, a.Duration, a.Logs, notes)
	}
	return nil
}
