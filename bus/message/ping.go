package message

import (
	"encoding/json"
	"errors"
	"fmt"

	"quirl/bus"
)

// HealthTopic is the topic on which invokers say that they are there, to all controllers.
const HealthTopic = "health"

// A Ping is what an invoker says of itself, each second.
type Ping struct {
	Invoker int
	// Name is the machine's, Life another one for each process.
	Name, Life string
	MemoryMB   int
	Enabled    bool // it takes work
}

type pingWire struct {
	Name      *invokerWire `json:"name"`
	IsEnabled bool         `json:"isEnabled"`
}

// invokerWire is OpenWhisk's InvokerInstanceId.
type invokerWire struct {
	Instance            int      `json:"instance"`
	UniqueName          string   `json:"uniqueName,omitempty"`
	DisplayedName       string   `json:"displayedName,omitempty"`
	UserMemory          string   `json:"userMemory"`
	InstanceType        string   `json:"instanceType"`
	Tags                []string `json:"tags"`
	DedicatedNamespaces []string `json:"dedicatedNamespaces"`
}

// Encode is that of bus.Message.
func (m *Ping) Encode() []byte {
	text, err := json.Marshal(pingWire{&invokerWire{m.Invoker, m.Life, m.Name, fmt.Sprintf("%d MB", m.MemoryMB), "invoker", []string{}, []string{}}, m.Enabled})
	if err != nil {
		panic(err) // it has only what can be encoded
	}
	return text
}

// AsPing returns the ping in m, decoding it when it is Raw.
func AsPing(m bus.Message) (*Ping, error) {
	if p, ok := m.(*Ping); ok {
		return p, nil
	}
	var w pingWire
	if err := json.Unmarshal(m.Encode(), &w); err != nil {
		return nil, err
	}
	if w.Name == nil {
		return nil, errors.New("not a ping")
	}
	p := &Ping{Invoker: w.Name.Instance, Name: w.Name.DisplayedName, Life: w.Name.UniqueName, Enabled: w.IsEnabled}
	if _, err := fmt.Sscanf(w.Name.UserMemory, "%d MB", &p.MemoryMB); err != nil {
		return nil, fmt.Errorf("memory %q: %w", w.Name.UserMemory, err)
	}
	return p, nil
}
