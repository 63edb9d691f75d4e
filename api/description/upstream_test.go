package description_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"quirl/api/description"
)

// A document is as much of OpenAPI 2 as is compared.
type document struct {
	Paths       map[string]map[string]json.RawMessage
	Parameters  map[string]parameter
	Definitions map[string]schema
}

type parameter struct {
	Name, In string
	Required bool
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Required   []string
	Properties map[string]schema
	Items      *schema
}

// TestNothingOfOpenWhiskIsMissing compares with OpenWhisk's own document, where
// that lies beside this project: clients are written to it, so ours must have
// its paths, verbs, parameters and models, with members of the same types.
func TestNothingOfOpenWhiskIsMissing(t *testing.T) {
	text, err := os.ReadFile("../../../shared/contract/apiv1swagger.json")
	if err != nil {
		t.Skip("OpenWhisk's own document is not on this machine")
	}
	theirs, ours := parse(t, text), parse(t, description.API().Content)
	for path, operations := range theirs.Paths {
		for verb := range operations {
			if verb == "parameters" {
				continue
			}
			if ours.Paths[path][verb] == nil {
				t.Errorf("no %s %s", verb, path)
				continue
			}
			have := ours.parameters(t, path, verb)
			for _, p := range theirs.parameters(t, path, verb) {
				if !slices.Contains(have, p) {
					t.Errorf("%s %s has no parameter %+v", verb, path, p)
				}
			}
		}
	}
	for name, s := range theirs.Definitions {
		s.in(t, name, ours.Definitions[name], ours.Definitions)
	}
	if len(theirs.Definitions) < 30 || len(theirs.Paths) < 15 {
		t.Errorf("OpenWhisk's document has %d models and %d paths: was it read?", len(theirs.Definitions), len(theirs.Paths))
	}
}

func parse(t *testing.T, text []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// parameters returns those of an operation and of its path, without references.
func (d *document) parameters(t *testing.T, path, verb string) []parameter {
	t.Helper()
	var operation struct{ Parameters []map[string]any }
	var shared []map[string]any
	for raw, into := range map[string]any{string(d.Paths[path][verb]): &operation, string(d.Paths[path]["parameters"]): &shared} {
		if raw == "" {
			continue
		}
		if err := json.Unmarshal([]byte(raw), into); err != nil {
			t.Fatalf("%s %s: %v", verb, path, err)
		}
	}
	var list []parameter
	for _, p := range append(shared, operation.Parameters...) {
		if ref, ok := p["$ref"].(string); ok {
			list = append(list, d.Parameters[ref[len("#/parameters/"):]])
			continue
		}
		required, _ := p["required"].(bool)
		list = append(list, parameter{Name: p["name"].(string), In: p["in"].(string), Required: required})
	}
	return list
}

// in wants ours to have what s has: members of the same types, and the same or
// more of them required. Ours may name a model where s does not.
func (s schema) in(t *testing.T, name string, ours schema, models map[string]schema) {
	t.Helper()
	if s.Ref == "" && ours.Ref != "" {
		ours = models[ours.Ref[len("#/definitions/"):]]
	}
	if s.Type == "" && len(s.Properties) > 0 {
		s.Type = "object" // which OpenWhisk leaves to the reader
	}
	if s.Ref != ours.Ref || s.Type != ours.Type {
		t.Errorf("%s is %q %q, want %q %q", name, ours.Ref, ours.Type, s.Ref, s.Type)
	}
	for _, member := range s.Required {
		if !slices.Contains(ours.Required, member) {
			t.Errorf("%s does not require %s", name, member)
		}
	}
	for member, m := range s.Properties {
		have, ok := ours.Properties[member]
		if !ok {
			t.Errorf("%s has no member %s", name, member)
			continue
		}
		m.in(t, name+"."+member, have, models)
	}
	if s.Items != nil && ours.Items != nil {
		s.Items.in(t, name+"[]", *ours.Items, models)
	} else if s.Items != nil {
		t.Errorf("%s says nothing of its items", name)
	}
}
