package api

import (
	"encoding/json"
	"strings"

	"quirl/whisk"
)

// An actionChange is the body of a PUT of an action; what is nil was not given.
type actionChange struct {
	exec           *whisk.Exec
	parameters     whisk.Parameters
	annotations    whisk.Parameters
	hasParameters  bool
	delAnnotations []string
	limits         whisk.LimitsPatch
	version        *whisk.Version
	publish        *bool
}

// parseAction reads the body. All errors are about the request's content.
func (a *API) parseAction(r *request, m members) (*actionChange, error) {
	var c actionChange
	var err error
	if m.has("exec") {
		if c.exec, err = a.parseExec(m["exec"]); err != nil {
			return nil, reject(err)
		}
		for i, component := range c.exec.Components {
			c.exec.Components[i] = component.Resolve(r.caller.Namespace)
		}
	}
	if c.parameters, c.hasParameters, err = m.parameters("parameters"); err != nil {
		return nil, err
	}
	if m.has("limits") {
		if c.limits, err = whisk.ParseLimits(m["limits"]); err != nil {
			return nil, reject(err)
		}
	}
	if c.version, err = m.version(); err != nil {
		return nil, err
	}
	if c.publish, err = m.publish(); err != nil {
		return nil, err
	}
	if c.annotations, _, err = m.parameters("annotations"); err != nil {
		return nil, err
	}
	c.delAnnotations, err = m.strings("delAnnotations")
	return &c, err
}

// parseExec reads what an action runs.
func (a *API) parseExec(raw json.RawMessage) (*whisk.Exec, error) {
	var m members
	if !isObject(raw) || json.Unmarshal(raw, &m) != nil {
		return nil, whisk.Malformed("JSON object expected")
	}
	var given string
	if json.Unmarshal(m["kind"], &given) != nil {
		return nil, whisk.Malformed("'kind' must be a string defined in 'exec'")
	}
	switch kind := strings.ToLower(strings.TrimSpace(given)); kind {
	case whisk.SequenceKind:
		return parseSequence(m)
	case whisk.BlackboxKind:
		return a.parseBlackbox(m)
	default:
		return a.parseManaged(kind, m)
	}
}

func parseSequence(m members) (*whisk.Exec, error) {
	raw, given := m["components"]
	if !given {
		return nil, whisk.Malformed("'components' must be defined for sequence kind")
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil || items == nil {
		return nil, whisk.Malformed("'components' must be an array")
	}
	exec := &whisk.Exec{Kind: whisk.SequenceKind}
	for _, item := range items {
		var ref string
		if json.Unmarshal(item, &ref) != nil {
			return nil, whisk.Malformed("fully qualified name malformed")
		}
		name, err := whisk.ParseFullName(ref)
		if err != nil {
			return nil, err
		}
		exec.Components = append(exec.Components, name)
	}
	return exec, nil
}

func (a *API) parseBlackbox(m members) (*whisk.Exec, error) {
	exec := &whisk.Exec{Kind: whisk.BlackboxKind}
	if !m.has("image") || json.Unmarshal(m["image"], &exec.Image) != nil {
		return nil, whisk.Malformed("'image' must be a string defined in 'exec' for 'blackbox' actions")
	}
	if !a.Kinds.ValidImage(exec.Image) {
		return nil, whisk.Malformed("could not parse image name")
	}
	code, _, err := codeOf(m)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(code) != "" {
		exec.Code, exec.Binary = &code, whisk.IsBinary(code)
	}
	exec.Main, err = mainOf(m, whisk.BlackboxKind)
	return exec, err
}

func (a *API) parseManaged(kind string, m members) (*whisk.Exec, error) {
	resolved, known := a.Kinds.ResolveKind(kind)
	if !known {
		return nil, whisk.Malformed("The specified runtime '%s' is not supported by this platform. Valid values are: '%s'.",
			kind, strings.Join(append(a.Kinds.Names(), whisk.SequenceKind, whisk.BlackboxKind), "', '"))
	}
	code, given, err := codeOf(m)
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, whisk.Malformed("'code' must be a string or attachment object defined in 'exec' for '%s' actions", resolved)
	}
	exec := &whisk.Exec{Kind: resolved, Code: &code, Binary: whisk.IsBinary(code)}
	if exec.Binary {
		code = strings.TrimSpace(code)
	}
	if exec.Main, err = mainOf(m, resolved); err != nil {
		return nil, err
	}
	if exec.Main == "" && a.Kinds.RequiresMain(resolved) {
		return nil, whisk.Malformed("'main' must be a string defined in 'exec' for '%s' actions", resolved)
	}
	return exec, nil
}

// codeOf reads the code, which old clients call "jar".
func codeOf(m members) (code string, given bool, err error) {
	raw, given := m["code"]
	if !given {
		raw, given = m["jar"]
	}
	if !given {
		return "", false, nil
	}
	var text *string
	if json.Unmarshal(raw, &text) != nil || text == nil {
		return "", true, whisk.Malformed("Could not deserialize as attachment record: %s", whisk.Compact(raw))
	}
	return *text, true, nil
}

func mainOf(m members, kind string) (string, error) {
	raw, given := m["main"]
	if !given {
		return "", nil
	}
	var text *string
	if json.Unmarshal(raw, &text) != nil || text == nil {
		return "", whisk.Malformed("if defined, 'main' be a string in 'exec' for '%s' actions", kind)
	}
	return *text, nil
}

func tooLarge(field string, is, allowed int64) error {
	return whisk.Errorf(whisk.TooLarge, "%s larger than allowed: %d > %d bytes.", field, is, allowed)
}

func (c *actionChange) checkSizes(limits *whisk.SystemLimits) error {
	if c.exec != nil && c.exec.Size() > limits.Code {
		return tooLarge("exec", c.exec.Size(), limits.Code)
	}
	return checkParameterSizes(c.parameters, c.annotations, limits.Parameters)
}

func checkParameterSizes(parameters, annotations whisk.Parameters, limit int64) error {
	if n := parameters.Size(); n > limit {
		return tooLarge("parameters", n, limit)
	}
	if n := annotations.Size(); n > limit {
		return tooLarge("annotations", n, limit)
	}
	return nil
}

// create makes a new action.
func (c *actionChange) create(name whisk.FullName, limits *whisk.SystemLimits) *whisk.Action {
	a := &whisk.Action{
		Meta:       whisk.Meta{Namespace: name.Path, Name: name.Name, Version: whisk.FirstVersion(), Annotations: c.annotations},
		Parameters: c.parameters,
		Limits:     c.limits.Over(limits.Default()),
	}
	if c.exec != nil {
		a.Exec = *c.exec
	}
	if a.Exec.IsSequence() {
		a.Parameters = componentParameters(&a.Exec)
	}
	if !a.Annotations.Has("provide-api-key") {
		a.Annotations = a.Annotations.WithValue("provide-api-key", false)
	}
	a.Annotations = a.Annotations.WithValue("exec", a.Exec.Kind)
	c.applyCommon(&a.Meta)
	return a
}

// update makes the action that replaces old.
func (c *actionChange) update(old *whisk.Action) *whisk.Action {
	a := *old
	a.Version = old.Version.Next()
	switch {
	case c.exec != nil && c.exec.IsSequence():
		a.Parameters = componentParameters(c.exec)
	case c.exec == nil && old.Exec.IsSequence():
	case c.hasParameters:
		a.Parameters = c.parameters
	case c.exec != nil && old.Exec.IsSequence():
		a.Parameters = nil
	}
	if c.exec != nil {
		a.Exec = *c.exec
	}
	a.Limits = c.limits.Over(old.Limits)
	if !a.Exec.IsSequence() || c.exec == nil {
		a.Annotations = a.Annotations.Without(c.delAnnotations...)
	}
	a.Annotations = c.annotations.Over(a.Annotations).Without("exec").WithValue("exec", a.Exec.Kind)
	c.applyCommon(&a.Meta)
	return &a
}

func (c *actionChange) applyCommon(m *whisk.Meta) {
	if c.version != nil {
		m.Version = *c.version
	}
	if c.publish != nil {
		m.Publish = *c.publish
	}
}

// componentParameters is the one parameter that a sequence has.
func componentParameters(e *whisk.Exec) whisk.Parameters {
	return whisk.Parameters{}.WithValue("_actions", e.Components)
}
