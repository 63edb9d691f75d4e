package api

import (
	"encoding/json"

	"quirl/whisk"
)

// This file holds the JSON forms in which the API shows entities and records.

type metaView struct {
	Namespace   whisk.Path       `json:"namespace"`
	Name        string           `json:"name"`
	Version     whisk.Version    `json:"version"`
	Publish     bool             `json:"publish"`
	Annotations whisk.Parameters `json:"annotations"`
	Updated     int64            `json:"updated"`
}

func viewMeta(m *whisk.Meta) metaView {
	return metaView{m.Namespace, m.Name, m.Version, m.Publish, m.Annotations, m.Updated}
}

type actionView struct {
	metaView
	Exec       execView           `json:"exec"`
	Parameters whisk.Parameters   `json:"parameters"`
	Limits     whisk.ActionLimits `json:"limits"`
	Binding    string             `json:"binding,omitempty"`
}

type execView struct {
	Kind       string           `json:"kind"`
	Code       *string          `json:"code,omitempty"`
	Binary     *bool            `json:"binary,omitempty"`
	Main       string           `json:"main,omitempty"`
	Image      string           `json:"image,omitempty"`
	Components []whisk.FullName `json:"components,omitempty"`
}

func viewAction(a *whisk.Action) actionView {
	return actionView{metaView: viewMeta(&a.Meta), Exec: viewExec(&a.Exec), Parameters: a.Parameters, Limits: a.Limits}
}

func viewExec(e *whisk.Exec) execView {
	v := execView{Kind: e.Kind, Code: e.Code, Main: e.Main, Image: e.Image, Components: e.Components}
	if !e.IsSequence() {
		v.Binary = &e.Binary
	}
	return v
}

type packageView struct {
	metaView
	Binding    any              `json:"binding"`
	Parameters whisk.Parameters `json:"parameters"`
}

func viewPackage(p *whisk.Package) packageView {
	return packageView{viewMeta(&p.Meta), viewBinding(p.Binding), p.Parameters}
}

func viewBinding(b *whisk.Binding) any {
	if b == nil {
		return struct{}{}
	}
	return b
}

type packageWithContents struct {
	packageView
	Actions []packageItem `json:"actions"`
	Feeds   []packageItem `json:"feeds"`
}

type packageItem struct {
	Name        string           `json:"name"`
	Version     whisk.Version    `json:"version"`
	Annotations whisk.Parameters `json:"annotations"`
}

type triggerView struct {
	metaView
	Parameters whisk.Parameters `json:"parameters"`
	Limits     struct{}         `json:"limits"`
	Rules      *whisk.RuleLinks `json:"rules,omitempty"` // an empty set is not none
}

func viewTrigger(t *whisk.Trigger) triggerView {
	v := triggerView{metaView: viewMeta(&t.Meta), Parameters: t.Parameters}
	if t.Rules != nil {
		v.Rules = &t.Rules
	}
	return v
}

type ruleView struct {
	metaView
	Status  string         `json:"status,omitempty"`
	Trigger whisk.PathName `json:"trigger"`
	Action  whisk.PathName `json:"action"`
}

func viewRule(r *whisk.Rule, active bool) ruleView {
	return ruleView{viewMeta(&r.Meta), whisk.RuleStatus(active), whisk.PathName(r.Trigger), whisk.PathName(r.Action)}
}

// viewListed is the form of an entity in a list.
func viewListed(e whisk.Entity) any {
	meta := viewMeta(e.Common())
	switch e := e.(type) {
	case *whisk.Action:
		return struct {
			metaView
			Limits whisk.ActionLimits `json:"limits"`
			Exec   map[string]bool    `json:"exec"`
		}{meta, e.Limits, map[string]bool{"binary": e.Exec.Binary}}
	case *whisk.Package:
		var binding any = false
		if e.Binding != nil {
			binding = e.Binding
		}
		return struct {
			metaView
			Binding any `json:"binding"`
		}{meta, binding}
	case *whisk.Rule: // its state would have to be read from its trigger
		return ruleView{metaView: meta, Trigger: whisk.PathName(e.Trigger), Action: whisk.PathName(e.Action)}
	}
	return meta
}

type activationView struct {
	Namespace   string             `json:"namespace"`
	Name        string             `json:"name"`
	Version     whisk.Version      `json:"version"`
	Subject     string             `json:"subject"`
	ID          whisk.ActivationID `json:"activationId"`
	Cause       whisk.ActivationID `json:"cause,omitempty"`
	Start       int64              `json:"start"`
	End         int64              `json:"end,omitempty"`
	Duration    *int64             `json:"duration,omitempty"`
	Response    responseView       `json:"response"`
	Logs        []string           `json:"logs"`
	Annotations whisk.Parameters   `json:"annotations"`
	Publish     bool               `json:"publish"`
}

type responseView struct {
	Status  string          `json:"status"`
	Success bool            `json:"success"`
	Result  json.RawMessage `json:"result"`
	Size    *int            `json:"size,omitempty"`
}

func viewResponse(r *whisk.Response) responseView {
	return responseView{r.Status.String(), r.Status == whisk.Success, r.Result, r.Size}
}

func viewActivation(a *whisk.Activation) activationView {
	v := activationView{
		Namespace: a.Namespace, Name: a.Name, Version: a.Version, Subject: a.Subject, ID: a.ID, Cause: a.Cause,
		Start: a.Start.UnixMilli(), Response: viewResponse(&a.Response), Logs: a.Logs, Annotations: a.Annotations, Publish: a.Publish,
	}
	if v.Logs == nil {
		v.Logs = []string{}
	}
	if !a.End.IsZero() {
		v.End, v.Duration = a.End.UnixMilli(), &a.Duration
	}
	return v
}

type briefActivationView struct {
	Namespace   string             `json:"namespace"`
	Name        string             `json:"name"`
	Version     whisk.Version      `json:"version"`
	Publish     bool               `json:"publish"`
	Annotations whisk.Parameters   `json:"annotations"`
	ID          whisk.ActivationID `json:"activationId"`
	Start       int64              `json:"start"`
	Cause       whisk.ActivationID `json:"cause,omitempty"`
	End         int64              `json:"end,omitempty"`
	Duration    *int64             `json:"duration,omitempty"`
	StatusCode  whisk.Status       `json:"statusCode"`
}

func viewBriefActivation(a *whisk.Activation) briefActivationView {
	v := briefActivationView{
		Namespace: a.Namespace, Name: a.Name, Version: a.Version, Publish: a.Publish,
		Annotations: a.Annotations, ID: a.ID, Start: a.Start.UnixMilli(), Cause: a.Cause, StatusCode: a.Response.Status,
	}
	if !a.End.IsZero() {
		v.End, v.Duration = a.End.UnixMilli(), &a.Duration
	}
	return v
}
