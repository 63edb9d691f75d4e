package composer

import (
	"time"

	"quirl/whisk"
)

// record is the record of a frame that ended within parent, nil for the outermost.
// Its logs are the ids of what ran, its duration their sum.
func (m *Machine) record(f, parent *Frame, r whisk.Response, end time.Time) *whisk.Activation {
	a := &whisk.Activation{
		Namespace: m.Namespace, Name: f.Target.Name.Name, Version: f.Target.Version, Subject: m.Subject, ID: f.ID,
		Start: f.Start, End: end, Duration: f.Duration, Response: r, Annotations: f.annotations(parent == nil),
	}
	if parent != nil {
		a.Cause = parent.ID
	}
	for _, id := range f.Logs {
		a.Logs = append(a.Logs, string(id))
	}
	return a
}

func (f *Frame) annotations(topmost bool) whisk.Parameters {
	t := &f.Target
	notes := make(whisk.Parameters, 0, 8)
	note := func(key string, value any) {
		notes = append(notes, whisk.Parameter{Key: key, Value: whisk.Marshal(value)})
	}
	note("topmost", topmost)
	note("path", t.Name.ID())
	note("kind", whisk.SequenceKind)
	if t.Kind == Composition {
		note("conductor", true)
	}
	if !topmost {
		note("causedBy", "sequence")
	}
	note("waitTime", f.Waited)
	if t.Binding != "" {
		note("binding", string(t.Binding))
	}
	if f.Memory > 0 {
		note("limits", whisk.ActionLimits{Timeout: t.Limits.Timeout, Memory: f.Memory, Logs: t.Limits.Logs, Concurrency: 1})
	}
	return notes
}
