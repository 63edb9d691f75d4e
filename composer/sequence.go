package composer

import (
	"bytes"
	"encoding/json"

	"quirl/whisk"
)

// The texts of sequences are OpenWhisk's.
const (
	textSequenceTooLong  = "Too many actions in the sequence."
	textComponentMissing = "Sequence component does not exist."
	textSequenceFailed   = "Sequence failed."
)

// textLost says that an activation did not report its end.
func textLost(f *Frame, id whisk.ActivationID) string {
	if f.Target.Kind == Sequence {
		return "Timeout reached when retrieving activation " + string(id) + " for sequence component."
	}
	return "Timeout reached when retrieving activation " + string(id) + " during composition."
}

// textFailed says that an activation could not be started.
func textFailed(f *Frame) string {
	if f.Target.Kind == Sequence {
		return textSequenceFailed
	}
	return textActivationFailed
}

// sequences counts those that are within each other. Two changes at the same time
// can make sequences that lead back to themselves.
func (m *Machine) sequences() int {
	n := 0
	for _, f := range m.Frames {
		if f.Target.Kind == Sequence {
			n++
		}
	}
	return n
}

// textTooDeep says that too many sequences are within each other.
func textTooDeep(f *Frame) string {
	if f.Target.Kind == Sequence {
		return textSequenceTooLong
	}
	return textCompositionTooLong
}

// nextComponent asks for the component that is next.
func (s *step) nextComponent(f *Frame) {
	if f.At >= len(f.Target.Components) { // no API takes a sequence of nothing
		s.finish(f, whisk.ErrorResponse(whisk.InternalError, textSequenceFailed))
		return
	}
	if f.Atomic >= s.m.Limit {
		s.finish(f, whisk.ErrorResponse(whisk.ApplicationError, textSequenceTooLong))
		return
	}
	s.want(Find{Frame: f.ID, Name: f.Target.Components[f.At]})
}

// componentEnded goes on to the next component with the result as input. A
// result that has an error ends the sequence, whatever went wrong.
func (s *step) componentEnded(f *Frame, r whisk.Response) {
	f.At++
	if f.At >= len(f.Target.Components) || hasError(r.Result) {
		s.finish(f, r)
		return
	}
	f.Input = nil
	if opens(r.Result, '{') || opens(r.Result, '[') {
		f.Input = r.Result
	}
	s.nextComponent(f)
}

func opens(value json.RawMessage, with byte) bool {
	value = bytes.TrimLeft(value, " \t\r\n")
	return len(value) > 0 && value[0] == with
}

// hasError says whether a result is an object with an error, whatever it is.
func hasError(result json.RawMessage) bool {
	if !opens(result, '{') || !bytes.Contains(result, []byte(`error`)) && !bytes.Contains(result, []byte(`\u`)) {
		return false // the name may be written with escapes
	}
	members, err := whisk.Members(result)
	return err == nil && members.Has("error")
}
