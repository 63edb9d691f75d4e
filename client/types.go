package client

import "encoding/json"

// The types have the members of OpenWhisk's client, in its order.

// A KeyValue is a parameter or an annotation.
type KeyValue struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
	Init  bool            `json:"init,omitempty"`
}

// KeyValues are parameters or annotations in their order.
type KeyValues []KeyValue

// Get returns the value of a key, nil when there is none.
func (kvs KeyValues) Get(key string) json.RawMessage {
	for _, kv := range kvs {
		if kv.Key == key {
			return kv.Value
		}
	}
	return nil
}

// An Action is code, or a sequence, with its parameters and limits.
type Action struct {
	Namespace      string    `json:"namespace,omitempty"`
	Name           string    `json:"name,omitempty"`
	Version        string    `json:"version,omitempty"`
	Exec           *Exec     `json:"exec,omitempty"`
	Annotations    KeyValues `json:"annotations,omitempty"`
	Parameters     KeyValues `json:"parameters,omitempty"`
	Limits         *Limits   `json:"limits,omitempty"`
	Publish        *bool     `json:"publish,omitempty"`
	Updated        int64     `json:"updated,omitempty"`
	DelAnnotations []string  `json:"delAnnotations,omitempty"`
}

// An Exec says what an action runs.
type Exec struct {
	Kind       string   `json:"kind,omitempty"`
	Code       *string  `json:"code,omitempty"`
	Image      string   `json:"image,omitempty"`
	Main       string   `json:"main,omitempty"`
	Components []string `json:"components,omitempty"`
	Binary     *bool    `json:"binary,omitempty"`
}

// Limits are an action's; in milliseconds, MB, MB and activations per container.
type Limits struct {
	Timeout     *int `json:"timeout,omitempty"`
	Memory      *int `json:"memory,omitempty"`
	Logsize     *int `json:"logs,omitempty"`
	Concurrency *int `json:"concurrency,omitempty"`
}

// A Package groups actions; with a binding it stands for another package.
type Package struct {
	Namespace   string          `json:"namespace,omitempty"`
	Name        string          `json:"name,omitempty"`
	Version     string          `json:"version,omitempty"`
	Publish     *bool           `json:"publish,omitempty"`
	Annotations KeyValues       `json:"annotations,omitempty"`
	Parameters  KeyValues       `json:"parameters,omitempty"`
	Binding     json.RawMessage `json:"binding,omitempty"`
	Actions     []Action        `json:"actions,omitempty"`
	Feeds       []Action        `json:"feeds,omitempty"`
	Updated     int64           `json:"updated,omitempty"`
}

// A Trigger is a channel of events. ActivationID is that of an answer to firing it.
type Trigger struct {
	Namespace    string          `json:"namespace,omitempty"`
	Name         string          `json:"name,omitempty"`
	Version      string          `json:"version,omitempty"`
	ActivationID string          `json:"activationId,omitempty"`
	Annotations  KeyValues       `json:"annotations,omitempty"`
	Parameters   KeyValues       `json:"parameters,omitempty"`
	Limits       json.RawMessage `json:"limits,omitempty"`
	Publish      *bool           `json:"publish,omitempty"`
	Rules        json.RawMessage `json:"rules,omitempty"`
	Updated      int64           `json:"updated,omitempty"`
}

// A Rule says that an action runs when a trigger fires. Trigger and Action are text,
// /namespace/name, in what is sent, and objects {"path", "name"} in answers; when the
// Status alone is to change they are null. Status is active or inactive.
type Rule struct {
	Namespace   string          `json:"namespace,omitempty"`
	Name        string          `json:"name,omitempty"`
	Version     string          `json:"version,omitempty"`
	Annotations KeyValues       `json:"annotations,omitempty"`
	Status      string          `json:"status"`
	Trigger     json.RawMessage `json:"trigger"`
	Action      json.RawMessage `json:"action"`
	Publish     *bool           `json:"publish,omitempty"`
	Updated     int64           `json:"updated,omitempty"`
}

// An Activation is the record of one run.
type Activation struct {
	Namespace    string    `json:"namespace"`
	Name         string    `json:"name"`
	Version      string    `json:"version"`
	Subject      string    `json:"subject"`
	ActivationID string    `json:"activationId"`
	Cause        string    `json:"cause,omitempty"`
	Start        int64     `json:"start"`
	End          int64     `json:"end"`
	Duration     int64     `json:"duration"`
	StatusCode   int       `json:"statusCode"`
	Response     Response  `json:"response"`
	Logs         []string  `json:"logs"`
	Annotations  KeyValues `json:"annotations"`
	Publish      *bool     `json:"publish,omitempty"`
}

// A Response is the outcome of an activation.
type Response struct {
	Status     string          `json:"status"`
	StatusCode int             `json:"statusCode"`
	Success    bool            `json:"success"`
	Result     json.RawMessage `json:"result,omitempty"`
}
