// Package message defines what travels on the bus: activations on their way to
// an invoker, and acknowledgements on their way back to the controller.
//
// The encoded shapes are those of OpenWhisk (its ActivationMessage and
// acknowledgements), so that an operator's tools for one read the other.
package message

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"quirl/bus"
	"quirl/whisk"
)

// An Activation asks an invoker to run an action once.
type Activation struct {
	ID  whisk.ActivationID
	TID string // transaction id of the request
	// ExtraLogging says that the request asked for that: its records are kept whatever the store level.
	ExtraLogging bool
	Received     time.Time
	Action       whisk.FullName // of the provider when called through a binding
	Version      whisk.Version
	Revision     string // the action's, as stored when the call was accepted
	// Binding is the bound package through which the action was called ("ns/binding"), or empty.
	Binding  whisk.Path
	User     *whisk.Identity
	Blocking bool
	// Content is the object of all arguments.
	Content json.RawMessage
	// InitNames are the arguments that are delivered at initialization.
	InitNames []string
	Cause     whisk.ActivationID
	// Controller is the number of the controller that waits for the acknowledgement.
	Controller int
	// Deadline is when the platform gives the activation up, wherever it is by then.
	Deadline time.Time
	// Journaled says that the activation stands in the journal and must be taken there before it starts.
	Journaled bool
}

// An Ack tells the controller how far an activation has come.
type Ack struct {
	ID  whisk.ActivationID
	TID string
	// Activation is the record, without logs; nil when the ack brings no result.
	Activation *whisk.Activation
	// Stored says that there is a result, which was too large for the bus: the record is, or will be
	// in a moment, in the store.
	Stored bool
	// HandedBack says that the invoker stops, and has not begun with the activation: another one may.
	HandedBack bool
	// Done says that the slot is free: the invoker is through with the activation.
	Done bool
	// SystemError says that the platform failed, not the function.
	SystemError bool
	Invoker     int
}

// InvokerName and ControllerName are what the n-th is called.
func InvokerName(n int) string { return "invoker" + strconv.Itoa(n) }

// ControllerName is described at InvokerName.
func ControllerName(n int) string { return "controller" + strconv.Itoa(n) }

// InvokerTopic is the topic on which invoker n receives activations.
func InvokerTopic(n int) string { return InvokerName(n) }

// CompletedTopic is the topic on which controller n receives acknowledgements.
func CompletedTopic(n int) string { return "completed" + strconv.Itoa(n) }

type activationWire struct {
	TransID             []any              `json:"transid"`
	Action              actionWire         `json:"action"`
	Revision            string             `json:"revision"`
	User                userWire           `json:"user"`
	ActivationID        whisk.ActivationID `json:"activationId"`
	RootControllerIndex controllerWire     `json:"rootControllerIndex"`
	Blocking            bool               `json:"blocking"`
	Content             json.RawMessage    `json:"content,omitempty"`
	InitArgs            []string           `json:"initArgs"`
	LockedArgs          map[string]string  `json:"lockedArgs"`
	Cause               whisk.ActivationID `json:"cause,omitempty"`
	Deadline            int64              `json:"deadline"`  // ours: epoch ms
	Journaled           bool               `json:"journaled"` // ours
}

type actionWire struct {
	Path    whisk.Path    `json:"path"`
	Name    string        `json:"name"`
	Version whisk.Version `json:"version"`
	Binding whisk.Path    `json:"binding,omitempty"`
}

type userWire struct {
	Subject   string                `json:"subject"`
	Namespace namespaceWire         `json:"namespace"`
	AuthKey   authKeyWire           `json:"authkey"`
	Rights    []string              `json:"rights"`
	Limits    whisk.NamespaceLimits `json:"limits"`
}

type namespaceWire struct {
	Name string `json:"name"`
	UUID string `json:"uuid"`
}

type authKeyWire struct {
	APIKey string `json:"api_key"`
}

type controllerWire struct {
	AsString     string `json:"asString"`
	InstanceType string `json:"instanceType"`
}

// Encode is that of bus.Message.
func (m *Activation) Encode() []byte {
	u := m.User
	transID := []any{m.TID, m.Received.UnixMilli()}
	if m.ExtraLogging {
		transID = append(transID, true)
	}
	return whisk.Marshal(activationWire{
		TransID:  transID,
		Action:   actionWire{m.Action.Path, m.Action.Name, m.Version, m.Binding},
		Revision: m.Revision,
		User: userWire{
			u.Subject, namespaceWire{u.Namespace, u.Key.UUID}, authKeyWire{u.Key.String()},
			[]string{"READ", "PUT", "DELETE", "ACTIVATE"}, u.Limits,
		},
		ActivationID:        m.ID,
		RootControllerIndex: controllerWire{strconv.Itoa(m.Controller), "controller"},
		Blocking:            m.Blocking,
		Content:             m.Content,
		InitArgs:            append([]string{}, m.InitNames...),
		LockedArgs:          map[string]string{},
		Cause:               m.Cause,
		Deadline:            m.Deadline.UnixMilli(),
		Journaled:           m.Journaled,
	})
}

// AsActivation returns the activation message in m, decoding it when it is Raw.
func AsActivation(m bus.Message) (*Activation, error) {
	if a, ok := m.(*Activation); ok {
		return a, nil
	}
	var w activationWire
	if err := json.Unmarshal(m.Encode(), &w); err != nil {
		return nil, err
	}
	if w.ActivationID == "" || w.Action.Name == "" {
		return nil, errors.New("not an activation message")
	}
	a := &Activation{
		ID: w.ActivationID, Action: whisk.FullName{Path: w.Action.Path, Name: w.Action.Name},
		Version: w.Action.Version, Revision: w.Revision, Binding: w.Action.Binding,
		User: &whisk.Identity{
			Subject: w.User.Subject, Namespace: w.User.Namespace.Name, Limits: w.User.Limits, Key: parseKey(w.User.AuthKey.APIKey),
		},
		Blocking: w.Blocking, Content: w.Content, InitNames: w.InitArgs, Cause: w.Cause,
		Deadline: time.UnixMilli(w.Deadline), Journaled: w.Journaled,
	}
	a.Controller, _ = strconv.Atoi(w.RootControllerIndex.AsString) // an unknown controller is number 0
	if len(w.TransID) > 0 {
		a.TID, _ = w.TransID[0].(string)
	}
	if len(w.TransID) > 1 {
		if ms, ok := w.TransID[1].(float64); ok {
			a.Received = time.UnixMilli(int64(ms))
		}
	}
	if len(w.TransID) > 2 {
		a.ExtraLogging, _ = w.TransID[2].(bool)
	}
	return a, nil
}

func parseKey(pair string) whisk.Key {
	if len(pair) < 37 {
		return whisk.Key{UUID: pair}
	}
	return whisk.Key{UUID: pair[:36], Secret: pair[37:]}
}

type ackWire struct {
	TransID       []any              `json:"transid"`
	ActivationID  whisk.ActivationID `json:"activationId,omitempty"`
	Response      json.RawMessage    `json:"response,omitempty"`
	IsSystemError bool               `json:"isSystemError,omitempty"`
	Instance      *instanceWire      `json:"instance,omitempty"`
	HandedBack    bool               `json:"handedBack,omitempty"` // ours
}

type instanceWire struct {
	Instance     int    `json:"instance"`
	InstanceType string `json:"instanceType"`
}

// Encode is that of bus.Message: a result has a response, a completion an
// instance, and what is both has both.
func (m *Ack) Encode() []byte {
	w := ackWire{TransID: []any{m.TID, 0}, IsSystemError: m.SystemError, HandedBack: m.HandedBack}
	switch {
	case m.Activation != nil:
		w.Response = whisk.EncodeActivation(m.Activation)
	case m.Stored: // then the response is the id
		w.Response = whisk.Marshal(m.ID)
	default:
		w.ActivationID = m.ID
	}
	if m.Done {
		w.Instance = &instanceWire{m.Invoker, "invoker"}
	}
	return whisk.Marshal(w)
}

// AsAck returns the acknowledgement in m, decoding it when it is Raw.
func AsAck(m bus.Message) (*Ack, error) {
	if a, ok := m.(*Ack); ok {
		return a, nil
	}
	var w ackWire
	if err := json.Unmarshal(m.Encode(), &w); err != nil {
		return nil, err
	}
	a := &Ack{ID: w.ActivationID, SystemError: w.IsSystemError, HandedBack: w.HandedBack, Done: w.Instance != nil}
	if w.Instance != nil {
		a.Invoker = w.Instance.Instance
	}
	if len(w.TransID) > 0 {
		a.TID, _ = w.TransID[0].(string)
	}
	switch {
	case len(w.Response) > 0 && w.Response[0] == '"':
		a.Stored = true
		if err := json.Unmarshal(w.Response, &a.ID); err != nil {
			return nil, err
		}
	case len(w.Response) > 0:
		record, err := whisk.DecodeActivation(w.Response)
		if err != nil {
			return nil, err
		}
		a.Activation, a.ID = record, record.ID
	}
	if a.ID == "" {
		return nil, errors.New("not an acknowledgement")
	}
	return a, nil
}
