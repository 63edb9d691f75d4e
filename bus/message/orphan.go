package message

import (
	"time"

	"quirl/whisk"
)

// Orphan is the record of an activation that ended without one, and why.
func Orphan(m *Activation, kind string, now time.Time, why string) *whisk.Activation {
	var notes whisk.Parameters
	notes = notes.WithValue("path", m.Action.ID()).
		WithValue("waitTime", now.Sub(m.Received).Milliseconds()).
		WithValue("kind", kind).
		WithValue("timeout", false)
	if m.Cause != "" {
		notes = notes.WithValue("causedBy", "sequence")
	}
	if m.Binding != "" {
		notes = notes.WithValue("binding", string(m.Binding))
	}
	response := whisk.ErrorResponse(whisk.InternalError, "The activation did not end properly: "+why+".")
	return &whisk.Activation{
		Namespace: m.User.Namespace, Name: m.Action.Name, Version: m.Version, Subject: m.User.Subject,
		ID: m.ID, Cause: m.Cause, Start: now, End: now, Response: response, Annotations: notes,
	}
}
