package composer

import (
	"encoding/json"

	"quirl/whisk"
)

// The texts of compositions are OpenWhisk's.
const (
	textCompositionTooLong = "Too many actions in the composition."
	textActivationFailed   = "Activation failure during composition."
)

func textUnparsable(action json.RawMessage) string {
	return "Failed to parse action name from json value " + string(whisk.Compact(action)) + " during composition."
}

func textUnresolved(name whisk.FullName) string {
	return "Failed to resolve action with name '" + name.ID() + "' during composition."
}

func textNotEntitled(name whisk.FullName) string {
	return "Failed entitlement check for action with name '" + name.ID() + "' during composition."
}

// conduct runs the conductor on the input, with the state laid over it.
func (s *step) conduct(f *Frame, input json.RawMessage) {
	if f.Conductors > 2*s.m.Limit {
		s.finish(f, whisk.ErrorResponse(whisk.ApplicationError, textCompositionTooLong))
		return
	}
	f.Conductors++
	f.Conducting = true
	f.Input = nil
	s.run(f, f.Target, overlay(input, f.State))
}

// blame tells the conductor what was wrong with its wish.
func (s *step) blame(f *Frame, text string) {
	s.conduct(f, whisk.Marshal(map[string]string{"error": text}))
}

// conducted reads what the conductor wants: another action, or the end.
func (s *step) conducted(f *Frame, r whisk.Response) {
	r.Size = nil // records of compositions have none
	wish, err := whisk.Members(r.Result)
	if err != nil {
		s.finish(f, r) // an array, which asks for nothing
		return
	}
	params := wish.Get("params")
	if params != nil {
		params = asObject(params, "value")
	}
	f.State = nil
	if state := wish.Get("state"); state != nil {
		f.State = asObject(state, "state")
	}
	action := wish.Get("action")
	if action == nil {
		if params != nil {
			r.Result = params
		}
		s.finish(f, r)
		return
	}
	name, ok := reference(action, s.m.Namespace)
	switch {
	case !ok:
		s.blame(f, textUnparsable(action))
	case f.Components >= s.m.Limit:
		s.blame(f, textCompositionTooLong)
	default:
		if f.Input = params; params == nil {
			f.Input = json.RawMessage("{}")
		}
		s.want(Find{f.ID, name, true})
	}
}

// notFound ends a sequence; a conductor may do something about it.
func (s *step) notFound(f *Frame, name whisk.FullName) {
	if f.Target.Kind == Sequence {
		s.finish(f, whisk.ErrorResponse(whisk.ApplicationError, textComponentMissing))
		return
	}
	s.blame(f, textUnresolved(name))
}

// reference reads the name that a conductor gives: a JSON string.
func reference(action json.RawMessage, namespace string) (whisk.FullName, bool) {
	var name *string
	if json.Unmarshal(action, &name) != nil || name == nil {
		return whisk.FullName{}, false
	}
	return whisk.ParseReference(*name, namespace)
}

// asObject returns the value itself when it is an object, else an object that
// has it under key.
func asObject(value json.RawMessage, key string) json.RawMessage {
	if opens(value, '{') {
		return value
	}
	if len(value) == 0 {
		value = json.RawMessage("null")
	}
	return whisk.Parameters{{Key: key, Value: value}}.Object()
}

// overlay lays the members of the state, an object or empty, over those of the input.
func overlay(input, state json.RawMessage) json.RawMessage {
	if len(state) == 0 {
		return input
	}
	base, err := whisk.Members(input)
	if err != nil {
		return state // cannot be: inputs are objects
	}
	over, err := whisk.Members(state)
	if err != nil {
		return input // cannot be: states are objects
	}
	return over.Over(base).Object()
}
