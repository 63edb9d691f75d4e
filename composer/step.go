package composer

import (
	"encoding/json"
	"time"

	"quirl/whisk"
)

// An Event is what a machine is told.
type Event interface{ event() }

// Started begins a machine. The target is a sequence or a composition.
type Started struct {
	ID       whisk.ActivationID
	Target   Target
	Input    json.RawMessage // an object, or empty
	Received time.Time       // when the request came
}

// Found answers Find.
type Found struct{ Target Target }

// NotFound answers Find: there is no such action.
type NotFound struct{ Name whisk.FullName }

// NotAllowed answers Find with Entitled: the caller may not use the action.
type NotAllowed struct{ Name whisk.FullName }

// Ended answers Run.
type Ended struct {
	ID       whisk.ActivationID
	Response whisk.Response
	Duration int64 // milliseconds
	Memory   int   // MB, its limit
}

// Lost answers Run: the activation did not report its end in time.
type Lost struct{ ID whisk.ActivationID }

// Failed answers Run: the activation could not be started at all.
type Failed struct{}

func (Started) event()    {}
func (Found) event()      {}
func (NotFound) event()   {}
func (NotAllowed) event() {}
func (Ended) event()      {}
func (Lost) event()       {}
func (Failed) event()     {}

// An Effect is what a machine wants done.
type Effect interface{ effect() }

// Prepare announces the names that a frame will ask for, to be looked up now: a
// sequence runs its components as they are when it starts.
type Prepare struct {
	Frame whisk.ActivationID
	Names []whisk.FullName
}

// Find asks for an action: answered by Found, NotFound or NotAllowed. Entitled
// says that the caller's right to invoke it is to be checked.
type Find struct {
	Frame    whisk.ActivationID
	Name     whisk.FullName
	Entitled bool
}

// Run asks for an activation of a primitive action, or of a conductor as such:
// answered by Ended, Lost or Failed. The machine should be stored before it.
type Run struct {
	ID     whisk.ActivationID
	Target Target
	Input  json.RawMessage    // an object, an array, or empty
	Cause  whisk.ActivationID // the frame
}

// Record hands over the record of a frame that has ended. After that of the
// outermost one the machine is done.
type Record struct{ Activation *whisk.Activation }

func (Prepare) effect() {}
func (Find) effect()    {}
func (Run) effect()     {}
func (Record) effect()  {}

// Step takes the machine one event further. Of the effects only the last can be
// one that wants an answer. newID makes ids of activations.
func (m *Machine) Step(e Event, now time.Time, newID func() whisk.ActivationID) []Effect {
	s := step{m: m, now: now, newID: newID}
	s.take(e)
	return s.effects
}

type step struct {
	m       *Machine
	now     time.Time
	newID   func() whisk.ActivationID
	effects []Effect
}

func (s *step) want(e Effect) { s.effects = append(s.effects, e) }

func (s *step) take(e Event) {
	f := s.m.top()
	if start, ok := e.(Started); ok {
		s.enter(start.ID, start.Target, start.Input, max(0, s.now.Sub(start.Received).Milliseconds()))
		return
	}
	if f == nil {
		return // it is over
	}
	switch e := e.(type) {
	case Found:
		s.found(f, e.Target)
	case NotFound:
		s.notFound(f, e.Name)
	case NotAllowed:
		s.blame(f, textNotEntitled(e.Name))
	case Ended:
		s.ended(f, e)
	case Lost:
		f.Logs = append(f.Logs, e.ID)
		s.finish(f, whisk.ErrorResponse(whisk.InternalError, textLost(f, e.ID)))
	case Failed:
		s.finish(f, whisk.ErrorResponse(whisk.InternalError, textFailed(f)))
	}
}

// enter begins a frame within the present one.
func (s *step) enter(id whisk.ActivationID, t Target, input json.RawMessage, waited int64) {
	parent := s.m.top()
	if parent != nil && t.Kind == Sequence && s.m.sequences() >= s.m.Limit {
		s.finish(parent, whisk.ErrorResponse(whisk.ApplicationError, textTooDeep(parent)))
		return
	}
	f := &Frame{ID: id, Target: t, Start: s.now, Waited: waited, Input: input}
	s.m.Frames = append(s.m.Frames, f)
	s.m.Awaiting = ""
	if t.Kind == Sequence {
		if parent != nil && parent.Target.Kind == Sequence {
			f.Atomic = parent.Atomic
		}
		s.want(Prepare{f.ID, t.Components})
		s.nextComponent(f)
		return
	}
	f.Memory = t.Limits.Memory
	if parent != nil && parent.Target.Kind == Composition {
		f.Conductors, f.Components = parent.Conductors, parent.Components
	}
	s.conduct(f, input)
}

// found goes on with the action that the frame asked for.
func (s *step) found(f *Frame, t Target) {
	switch {
	case f.Target.Kind == Sequence && t.Kind != Sequence:
		f.Atomic++ // a nested sequence counts its own
	case f.Target.Kind == Composition && t.Kind != Composition:
		f.Components++ // of a nested composition the conductor's runs are counted
	}
	if t.Kind == Primitive {
		s.run(f, t, f.Input)
		return
	}
	s.enter(s.newID(), t, f.Input, 0)
}

func (s *step) run(f *Frame, t Target, input json.RawMessage) {
	s.m.Awaiting = s.newID()
	s.want(Run{s.m.Awaiting, t, input, f.ID})
}

// ended takes the outcome of an activation, or of a frame within this one.
func (s *step) ended(f *Frame, e Ended) {
	s.m.Awaiting = ""
	f.Logs = append(f.Logs, e.ID)
	f.Duration += e.Duration
	f.Memory = max(f.Memory, e.Memory)
	switch {
	case f.Target.Kind == Sequence:
		s.componentEnded(f, e.Response)
	case f.Conducting:
		f.Conducting = false
		s.conducted(f, e.Response)
	default:
		s.conduct(f, asObject(e.Response.Result, "value"))
	}
}

// finish ends the frame and tells the one around it.
func (s *step) finish(f *Frame, r whisk.Response) {
	s.m.Awaiting = ""
	s.m.Frames = s.m.Frames[:len(s.m.Frames)-1]
	parent := s.m.top()
	s.want(Record{s.m.record(f, parent, r, s.now)})
	if parent == nil {
		return
	}
	switch {
	case f.Target.Kind != parent.Target.Kind:
	case f.Target.Kind == Sequence:
		parent.Atomic = f.Atomic
	default:
		parent.Conductors, parent.Components = f.Conductors, f.Components
	}
	s.ended(parent, Ended{f.ID, r, f.Duration, f.Memory})
}
