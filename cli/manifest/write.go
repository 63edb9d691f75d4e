package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"quirl/client"
	"quirl/internal/jsonyaml"
)

// Write writes a plan as a manifest: Read makes the same plan of it. Files of code are
// named relative to their Dir.
func Write(w io.Writer, p *Plan) error {
	root := &mapping{}
	project := &mapping{}
	project.text("name", p.Project)
	project.text("namespace", p.Namespace)
	packages := &writer{plan: p, bodies: &mapping{}}
	if err := packages.all(); err != nil {
		return err
	}
	project.nested("packages", packages.bodies)
	root.nested("project", project)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(root.node()), enc.Close())
}

// A mapping is one that is being made.
type mapping struct{ content []*yaml.Node }

func (m *mapping) node() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Content: m.content} }

func (m *mapping) put(key string, value *yaml.Node) {
	m.content = append(m.content, jsonyaml.Text(key), value)
}

// text adds text, unless it is empty.
func (m *mapping) text(key, value string) {
	if value != "" {
		m.put(key, jsonyaml.Text(escaped(value)))
	}
}

// nested adds a mapping, unless it is empty.
func (m *mapping) nested(key string, value *mapping) {
	if len(value.content) > 0 {
		m.put(key, value.node())
	}
}

// escaped is text that interpolation gives back as it is.
func escaped(s string) string {
	if whole.MatchString(s) {
		return "$" + s
	}
	return reference.ReplaceAllString(s, "$$$0")
}

type writer struct {
	plan   *Plan
	bodies *mapping
	of     map[string]*parts
	order  []string // of the packages, as they were met
}

// parts are those of a package that is being written.
type parts struct {
	body, dependencies, actions, sequences, triggers, rules mapping
}

func (w *writer) pkg(name string) *parts {
	if w.of[name] == nil {
		w.of[name] = &parts{}
		w.order = append(w.order, name)
	}
	return w.of[name]
}

func (w *writer) all() error {
	w.of = map[string]*parts{}
	for _, p := range w.plan.Packages {
		body := &w.pkg(p.Name).body
		if p.Publish != nil && *p.Publish {
			body.put("public", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
		}
		if err := values(body, p.Parameters, p.Annotations); err != nil {
			return err
		}
	}
	for _, d := range w.plan.Dependencies {
		body := &mapping{}
		body.text("location", d.Binding)
		if err := values(body, d.Inputs, d.Annotations); err != nil {
			return err
		}
		w.pkg(defaultPackage).dependencies.put(d.Name, body.node())
	}
	for _, a := range w.plan.Actions {
		pkg, name, packaged := strings.Cut(a.Name, "/")
		if !packaged {
			pkg, name = defaultPackage, a.Name
		}
		if err := w.action(w.pkg(pkg), name, a); err != nil {
			return fmt.Errorf("action %s: %w", a.Name, err)
		}
	}
	for _, t := range w.plan.Triggers {
		body := &mapping{}
		body.text("feed", t.Feed)
		if err := values(body, append(t.Parameters, t.Inputs...), t.Annotations); err != nil {
			return fmt.Errorf("trigger %s: %w", t.Name, err)
		}
		w.pkg(defaultPackage).triggers.put(t.Name, body.node())
	}
	for _, r := range w.plan.Rules {
		body := &mapping{}
		var trigger, action string
		if err := errors.Join(json.Unmarshal(r.Trigger, &trigger), json.Unmarshal(r.Action, &action)); err != nil {
			return fmt.Errorf("rule %s: %w", r.Name, err)
		}
		body.text("trigger", trigger)
		body.text("action", action)
		if err := values(body, nil, r.Annotations); err != nil {
			return fmt.Errorf("rule %s: %w", r.Name, err)
		}
		w.pkg(defaultPackage).rules.put(r.Name, body.node())
	}
	for _, name := range w.order {
		p := w.of[name]
		p.body.nested("dependencies", &p.dependencies)
		p.body.nested("actions", &p.actions)
		p.body.nested("sequences", &p.sequences)
		p.body.nested("triggers", &p.triggers)
		p.body.nested("rules", &p.rules)
		w.bodies.put(name, p.body.node())
	}
	return nil
}

func (w *writer) action(to *parts, name string, a Action) error {
	body := &mapping{}
	if a.Source == nil {
		body.text("actions", strings.Join(a.Exec.Components, ", "))
		if err := values(body, nil, a.Annotations); err != nil {
			return err
		}
		to.sequences.put(name, body.node())
		return nil
	}
	s := a.Source
	if s.File != "" {
		file, err := filepath.Rel(s.Dir, s.File)
		if err != nil {
			return err
		}
		body.text("function", filepath.ToSlash(file))
	}
	if s.Code != "" { // which is no place for values
		body.put("code", jsonyaml.Text(s.Code))
	}
	body.text("runtime", s.Kind)
	body.text("main", s.Main)
	body.text("docker", s.Image)
	if s.Native {
		body.put("native", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	if a.Limits != nil {
		limits := &mapping{}
		for _, l := range []struct {
			key   string
			value *int
		}{{"timeout", a.Limits.Timeout}, {"memorySize", a.Limits.Memory}, {"logSize", a.Limits.Logsize}, {"concurrency", a.Limits.Concurrency}} {
			if l.value != nil {
				limits.put(l.key, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(*l.value)})
			}
		}
		body.nested("limits", limits)
	}
	if err := values(body, a.Parameters, a.Annotations); err != nil {
		return err
	}
	to.actions.put(name, body.node())
	return nil
}

// values adds inputs and annotations.
func values(to *mapping, inputs, annotations client.KeyValues) error {
	for _, part := range []struct {
		key  string
		kvs  client.KeyValues
		long bool // an input that looks like what can be said of one is written as its value
	}{{"inputs", inputs, true}, {"annotations", annotations, false}} {
		body := &mapping{}
		for _, kv := range part.kvs {
			node, err := nodeOf(kv.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", kv.Key, err)
			}
			if part.long && (node.Kind == yaml.MappingNode || node.Tag == "!!null" || types[node.Value].zero != "") {
				node = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{jsonyaml.Text("value"), node}}
			}
			body.put(kv.Key, node)
		}
		to.nested(part.key, body)
	}
	return nil
}

// nodeOf is JSON as a node whose text interpolation gives back as it is.
func nodeOf(value json.RawMessage) (*yaml.Node, error) {
	n, err := jsonyaml.Node(value)
	if err == nil {
		escape(n)
	}
	return n, err
}

func escape(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		*n = *jsonyaml.Text(escaped(n.Value))
	}
	for i, inside := range n.Content {
		if n.Kind == yaml.SequenceNode || i%2 == 1 { // keys are no text
			escape(inside)
		}
	}
}
