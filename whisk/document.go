package whisk

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// This file holds the stored forms of entities and activations: JSON documents
// with the members of OpenWhisk's documents, code by reference.

type metaDocument struct {
	Namespace   Path       `json:"namespace"`
	Name        string     `json:"name"`
	Version     Version    `json:"version"`
	Publish     bool       `json:"publish"`
	Annotations Parameters `json:"annotations"`
	Updated     int64      `json:"updated"`
}

type execDocument struct {
	Kind       string      `json:"kind"`
	Binary     bool        `json:"binary,omitempty"`
	Main       string      `json:"main,omitempty"`
	Image      string      `json:"image,omitempty"`
	Components []FullName  `json:"components,omitempty"`
	Code       *Attachment `json:"code,omitempty"`
}

type entityDocument struct {
	Type documentType `json:"entityType"`
	metaDocument
	Exec       *execDocument `json:"exec,omitempty"`
	Parameters Parameters    `json:"parameters,omitempty"`
	Limits     *ActionLimits `json:"limits,omitempty"`
	Binding    *Binding      `json:"binding,omitempty"`
	Rules      *RuleLinks    `json:"rules,omitempty"` // an empty set is not none
	Trigger    *FullName     `json:"trigger,omitempty"`
	Action     *FullName     `json:"action,omitempty"`
}

// A documentType is a Collection as documents have it: "action", where earlier ones had "actions".
type documentType Collection

func (t documentType) MarshalText() ([]byte, error) {
	return []byte(strings.TrimSuffix(string(t), "s")), nil
}

func (t *documentType) UnmarshalText(text []byte) error {
	*t = documentType(strings.TrimSuffix(string(text), "s") + "s")
	return nil
}

// EncodeEntity returns the entity's document. Its revision is not part of it.
func EncodeEntity(e Entity) []byte {
	m := e.Common()
	doc := entityDocument{
		Type:         documentType(e.Collection()),
		metaDocument: metaDocument{m.Namespace, m.Name, m.Version, m.Publish, m.Annotations, m.Updated},
	}
	switch e := e.(type) {
	case *Action:
		doc.Exec = &execDocument{e.Exec.Kind, e.Exec.Binary, e.Exec.Main, e.Exec.Image, e.Exec.Components, e.Exec.Attachment}
		doc.Parameters, doc.Limits = e.Parameters, &e.Limits
	case *Package:
		doc.Parameters, doc.Binding = e.Parameters, e.Binding
	case *Trigger:
		doc.Parameters = e.Parameters
		if e.Rules != nil {
			doc.Rules = &e.Rules
		}
	case *Rule:
		doc.Trigger, doc.Action = &e.Trigger, &e.Action
	}
	return Marshal(doc)
}

// DecodeEntity reads what EncodeEntity wrote.
func DecodeEntity(document []byte, revision string) (Entity, error) {
	var doc entityDocument
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, corrupted(err)
	}
	d, collection := doc.metaDocument, Collection(doc.Type)
	meta := Meta{d.Namespace, d.Name, d.Version, d.Publish, d.Annotations, d.Updated, revision}
	switch {
	case collection == Actions && doc.Exec != nil && doc.Limits != nil:
		x := doc.Exec
		return &Action{meta, Exec{x.Kind, nil, x.Code, x.Binary, x.Main, x.Image, x.Components}, doc.Parameters, *doc.Limits}, nil
	case collection == Packages:
		return &Package{meta, doc.Parameters, doc.Binding}, nil
	case collection == Triggers:
		t := &Trigger{Meta: meta, Parameters: doc.Parameters}
		if doc.Rules != nil {
			t.Rules = *doc.Rules
		}
		return t, nil
	case collection == Rules && doc.Trigger != nil && doc.Action != nil:
		return &Rule{meta, *doc.Trigger, *doc.Action}, nil
	}
	return nil, corrupted(fmt.Errorf("incomplete document of type %q", collection))
}

func corrupted(err error) error {
	return &Error{Kind: Internal, Message: "Resource is corrupted and cannot be read.", Cause: err}
}

type activationDocument struct {
	Namespace   string           `json:"namespace"`
	Name        string           `json:"name"`
	Version     Version          `json:"version"`
	Subject     string           `json:"subject"`
	ID          ActivationID     `json:"activationId"`
	Cause       ActivationID     `json:"cause,omitempty"`
	Start       int64            `json:"start"`
	End         int64            `json:"end"`
	Duration    int64            `json:"duration"`
	Response    responseDocument `json:"response"`
	Logs        []string         `json:"logs"`
	Publish     bool             `json:"publish"`
	Annotations Parameters       `json:"annotations"`
}

type responseDocument struct {
	Status Status          `json:"statusCode"`
	Result json.RawMessage `json:"result"`
	Size   *int            `json:"size,omitempty"`
}

// EncodeActivation returns the record's document. It is written by hand because
// every activation passes here: reflection takes five times as long.
func EncodeActivation(a *Activation) []byte {
	b := make([]byte, 0, 1024+len(a.Response.Result))
	b = append(b, `{"namespace":`...)
	b = AppendString(b, a.Namespace)
	b = appendText(b, "name", a.Name)
	b = appendText(b, "version", a.Version.String())
	b = appendText(b, "subject", a.Subject)
	b = appendText(b, "activationId", string(a.ID))
	if a.Cause != "" {
		b = appendText(b, "cause", string(a.Cause))
	}
	b = appendInt(b, "start", a.Start.UnixMilli())
	var end int64
	if !a.End.IsZero() {
		end = a.End.UnixMilli()
	}
	b = appendInt(b, "end", end)
	b = appendInt(b, "duration", a.Duration)
	b = append(b, `,"response":{"statusCode":`...)
	b = strconv.AppendInt(b, int64(a.Response.Status), 10)
	b = appendMember(b, "result")
	if len(a.Response.Result) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, a.Response.Result...)
	}
	if a.Response.Size != nil {
		b = appendInt(b, "size", int64(*a.Response.Size))
	}
	b = append(b, `},"logs":[`...)
	for i, line := range a.Logs {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, line)
	}
	b = append(b, `],"publish":`...)
	b = strconv.AppendBool(b, a.Publish)
	b = a.Annotations.AppendJSON(appendMember(b, "annotations"))
	return append(b, '}')
}

// DecodeActivation reads what EncodeActivation wrote.
func DecodeActivation(document []byte) (*Activation, error) {
	var d activationDocument
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, corrupted(err)
	}
	var end time.Time
	if d.End != 0 {
		end = time.UnixMilli(d.End)
	}
	return &Activation{
		d.Namespace, d.Name, d.Version, d.Subject, d.ID, d.Cause, time.UnixMilli(d.Start), end, d.Duration,
		Response{d.Response.Status, d.Response.Result, d.Response.Size}, d.Logs, d.Publish, d.Annotations,
	}, nil
}
