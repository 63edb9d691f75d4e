// Package composer is the machine behind sequences and conductor actions.
//
// It promises that a composition goes through the same steps whoever drives it
// and however often it is stopped and continued: Step is a pure function of the
// machine, an event, the time and a supply of ids, and a Machine can be stored
// after each step as JSON. What is done about an effect is the driver's: package
// dispatch looks up names, starts activations and writes records.
//
// A composition is a stack of frames, the sequences and conductor actions that
// are at work within each other. One activation runs at a time, so that of the
// effects of a step at most one is a question, and its answer is the next event.
//
// Read step.go for what happens, then sequence.go and conductor.go for the rules
// of either (OpenWhisk: SequenceActions and PrimitiveActions), record.go for
// what remains of a frame.
package composer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"quirl/whisk"
)

// A Kind says how a target is run.
type Kind string

// The kinds.
const (
	Primitive   Kind = "primitive"   // by an invoker
	Sequence    Kind = "sequence"    // as a frame: its components one after the other
	Composition Kind = "composition" // as a frame: a conductor action and what it asks for
)

// KindOf says how an action is run. A sequence is never a conductor.
func KindOf(a *whisk.Action) Kind {
	switch {
	case a.Exec.IsSequence():
		return Sequence
	case whisk.Truthy(a.Annotations.Get("conductor")):
		return Composition
	}
	return Primitive
}

// A Target is an action as it was found under a name.
type Target struct {
	Kind Kind `json:"kind"`
	// Ref is the name under which it was found, which may lead through a binding.
	Ref whisk.FullName `json:"ref"`
	// Name is the action's own name.
	Name       whisk.FullName     `json:"name"`
	Binding    whisk.Path         `json:"binding,omitempty"` // "ns/binding" when Ref leads through one
	Version    whisk.Version      `json:"version"`
	Limits     whisk.ActionLimits `json:"limits"`
	Components []whisk.FullName   `json:"components,omitempty"` // of a sequence
}

// A Machine is one sequence or composition at work, with all that is needed to
// go on after its JSON form was stored. Make one with New.
type Machine struct {
	Namespace string `json:"namespace"` // of the caller
	Subject   string `json:"subject"`
	// Limit is the most components that may run ("sequence_length" of the info document).
	Limit int `json:"limit"`
	// Frames are what is at work, the outermost first; none when all is done.
	Frames []*Frame `json:"frames"`
	// Awaiting is the activation whose end the machine was last told to wait for.
	Awaiting whisk.ActivationID `json:"awaiting,omitempty"`
}

// A Frame is a sequence or a composition within the machine.
type Frame struct {
	ID     whisk.ActivationID `json:"id"`
	Target Target             `json:"target"`
	Start  time.Time          `json:"start"`
	Waited int64              `json:"waited,omitempty"` // milliseconds from the request to Start

	// What has run so far.
	Logs     []whisk.ActivationID `json:"logs,omitempty"`
	Duration int64                `json:"duration,omitempty"` // milliseconds, the sum of what ran
	Memory   int                  `json:"memory,omitempty"`   // MB, the most of what ran; 0 when nothing did

	// Input is what the next activation gets; empty for nothing.
	Input json.RawMessage `json:"input,omitempty"`

	// At is the component of a sequence that is next or running.
	At int `json:"at,omitempty"`
	// Atomic counts the activations that ran in the outermost sequence around this one.
	Atomic int `json:"atomic,omitempty"`

	// Conducting says that the activation waited for is the conductor's own.
	Conducting bool `json:"conducting,omitempty"`
	// State is what the conductor wants back with the next result; empty for nothing.
	State json.RawMessage `json:"state,omitempty"`
	// Conductors and Components count the activations of the outermost composition
	// that reaches here without a sequence between.
	Conductors int `json:"conductors,omitempty"`
	Components int `json:"components,omitempty"`
}

// New returns a Machine for a caller that lets at most limit components run. It
// does nothing before it gets a Started.
func New(namespace, subject string, limit int) *Machine {
	return &Machine{Namespace: namespace, Subject: subject, Limit: limit}
}

// Check says whether the machine is one that Step can have left behind at work,
// for machines that were stored.
func (m *Machine) Check() error {
	if m.Done() {
		return errors.New("the machine is done")
	}
	for i, f := range m.Frames {
		if f == nil {
			return fmt.Errorf("frame %d is missing", i)
		}
		if err := f.check(); err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return nil
}

func (f *Frame) check() error {
	t := &f.Target
	unnamed := func(n whisk.FullName) bool { return n.Path == "" || n.Name == "" }
	switch {
	case unnamed(t.Name) || unnamed(t.Ref) || slices.ContainsFunc(t.Components, unnamed):
		return errors.New("a name is missing")
	case t.Version == whisk.Version{}:
		return errors.New("the version is missing")
	case t.Kind != Sequence && t.Kind != Composition:
		return fmt.Errorf("it is a %q", t.Kind)
	case t.Kind == Sequence && (f.At < 0 || f.At >= len(t.Components)):
		return fmt.Errorf("it is at component %d of %d", f.At, len(t.Components))
	}
	return nil
}

// Done says that nothing is at work any more.
func (m *Machine) Done() bool { return len(m.Frames) == 0 }

func (m *Machine) top() *Frame {
	if len(m.Frames) == 0 {
		return nil
	}
	return m.Frames[len(m.Frames)-1]
}
