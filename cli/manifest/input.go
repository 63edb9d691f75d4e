package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"quirl/client"
)

// An input is a parameter: a value, or what there is to say of one.
type input struct {
	Type        string    `yaml:"type"`
	Description string    `yaml:"description"`
	Value       yaml.Node `yaml:"value"`
	Default     yaml.Node `yaml:"default"`
	Required    bool      `yaml:"required"`
	Status      string    `yaml:"status"`
	Schema      yaml.Node `yaml:"schema"`
	Properties  yaml.Node `yaml:"properties"`
	Parameters  yaml.Node `yaml:"parameters"`
}

// UnmarshalYAML takes a mapping that has keys of an input, and no others, for one;
// anything else is the value itself. The name of a type alone stands for its default.
func (in *input) UnmarshalYAML(n *yaml.Node) error {
	n = target(n)
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 {
		type plain input
		if strict(n, (*plain)(in)) == nil {
			return nil
		}
		*in = input{}
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && types[n.Value].zero != "" {
		in.Type = n.Value
		return nil
	}
	in.Value = *n
	return nil
}

// override puts the value of a deployment file in the place of the manifest's.
func (in input) override(by input) input {
	if by.Value.IsZero() {
		by.Value = by.Default
	}
	if !by.Value.IsZero() {
		in.Value = by.Value
	}
	if by.Type != "" {
		in.Type = by.Type
	}
	in.Required = in.Required || by.Required
	return in
}

// types are the types of inputs: what an input has that was given none, and how text
// becomes a value.
var types = map[string]struct {
	zero string
	is   func(any) bool
	of   func(string) (string, error)
}{
	"string":  {`""`, isA[string], nil},
	"integer": {`0`, isInteger, integer},
	"int":     {`0`, isInteger, integer},
	"float":   {`0.0`, isA[json.Number], float},
	"double":  {`0.0`, isA[json.Number], float},
	"boolean": {`false`, isA[bool], boolean},
	"bool":    {`false`, isA[bool], boolean},
	"json":    {`{}`, func(v any) bool { return isA[map[string]any](v) || isA[[]any](v) }, asJSON},
	"object":  {`{}`, isA[map[string]any], asJSON},
	"array":   {`[]`, isA[[]any], asJSON},
	"slice":   {`[]`, isA[[]any], asJSON},
	// Those of the specification that say more than is checked.
	"string16":         {`""`, isA[string], nil},
	"string64":         {`""`, isA[string], nil},
	"string256":        {`""`, isA[string], nil},
	"version":          {`""`, isScalar, nil},
	"timestamp":        {`""`, isA[string], nil},
	"scalar-unit.size": {`""`, isScalar, nil},
	"scalar-unit.time": {`""`, isScalar, nil},
	"schema":           {`{}`, isA[map[string]any], asJSON},
}

func isScalar(v any) bool { return isA[string](v) || isA[json.Number](v) }

func isA[T any](v any) bool { _, ok := v.(T); return ok }

func isInteger(v any) bool {
	n, ok := v.(json.Number)
	if ok {
		_, err := n.Int64()
		ok = err == nil
	}
	return ok
}

func integer(s string) (string, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return strconv.FormatInt(n, 10), err
}

func float(s string) (string, error) {
	_, err := strconv.ParseFloat(s, 64)
	if err == nil && !json.Valid([]byte(s)) {
		err = strconv.ErrSyntax // .5, or Inf
	}
	return s, err
}

func boolean(s string) (string, error) {
	b, err := strconv.ParseBool(s)
	return strconv.FormatBool(b), err
}

func asJSON(s string) (string, error) {
	var v json.RawMessage
	return s, json.Unmarshal([]byte(s), &v)
}

// convert checks a value against the type of its input; text is read as such a value.
func convert(value json.RawMessage, kind string) (json.RawMessage, error) {
	if kind == "" {
		return value, nil
	}
	t, ok := types[kind]
	if !ok {
		return nil, fmt.Errorf("there is no type %q", kind)
	}
	decoded, err := decodeJSON(value)
	if err != nil {
		return nil, err
	}
	if text, ok := decoded.(string); ok && t.of != nil {
		read, err := t.of(text)
		if err != nil {
			return nil, fmt.Errorf("%s is not of type %s", value, kind)
		}
		value = json.RawMessage(read)
		if decoded, err = decodeJSON(value); err != nil {
			return nil, err
		}
	}
	if !t.is(decoded) {
		return nil, fmt.Errorf("%s is not of type %s", value, kind)
	}
	return value, nil
}

func decodeJSON(value json.RawMessage) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// A scope knows the values of names: those of inputs, and the variables around the program.
type scope struct {
	Options
	values client.KeyValues
	// overrides are the values given on the command line, which inputs of their names get.
	overrides client.KeyValues
}

// with is the scope inside of a project or package that has these inputs.
func (s scope) with(inputs client.KeyValues) scope {
	s.values = append(slices.Clone(inputs), s.values...)
	return s
}

// resolve gives inputs their values. One without a value, a default and a type is left out.
func (s scope) resolve(inputs ordered[input]) (client.KeyValues, error) {
	var resolved client.KeyValues
	for _, e := range inputs {
		value, err := s.valueOf(e.name, e.value)
		if err != nil {
			return nil, fmt.Errorf("line %d: input %s: %w", e.line, e.name, err)
		}
		if value != nil {
			resolved = append(resolved, client.KeyValue{Key: e.name, Value: value})
		}
	}
	return resolved, nil
}

func (s scope) valueOf(name string, in input) (json.RawMessage, error) {
	if given := s.overrides.Get(name); given != nil {
		return convert(given, in.Type)
	}
	node := in.Value
	if node.IsZero() {
		node = in.Default
	}
	if node.IsZero() {
		switch zero := types[in.Type].zero; {
		case in.Required:
			return nil, fmt.Errorf("it is required, and has no value: give one with --param %s VALUE, in the deployment file or by a variable", name)
		case in.Type != "" && zero == "":
			return nil, fmt.Errorf("there is no type %q", in.Type)
		case zero != "":
			return json.RawMessage(zero), nil
		}
		return nil, nil
	}
	value, err := s.json(&node)
	if err != nil {
		return nil, err
	}
	if in.Required && string(value) == `""` {
		return nil, fmt.Errorf("it is required, and %s is empty", node.Value)
	}
	return convert(value, in.Type)
}

// annotations gives annotations their values.
func (s scope) annotations(given ordered[yaml.Node]) (client.KeyValues, error) {
	var annotations client.KeyValues
	for _, e := range given {
		value, err := s.json(&e.value)
		if err != nil {
			return nil, fmt.Errorf("line %d: annotation %s: %w", e.line, e.name, err)
		}
		annotations = append(annotations, client.KeyValue{Key: e.name, Value: value})
	}
	return annotations, nil
}

var (
	whole     = regexp.MustCompile(`^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})$`)
	reference = regexp.MustCompile(`\$?\$\{([A-Za-z_]\w*)\}`)
)

// text puts values in the place of ${NAME}, and of $NAME where that is all there is;
// with a further $ before them they stay as they are.
func (s scope) text(given string) string {
	if literal, doubled := strings.CutPrefix(given, "$"); doubled && whole.MatchString(literal) {
		return literal
	}
	if m := whole.FindStringSubmatch(given); m != nil {
		return s.variable(m[1] + m[2])
	}
	return reference.ReplaceAllStringFunc(given, func(found string) string {
		if found[1] == '$' {
			return found[1:]
		}
		return s.variable(reference.FindStringSubmatch(found)[1])
	})
}

// variable is the text of a name's value; one that nobody knows is empty, as in a shell.
func (s scope) variable(name string) string {
	if value := s.values.Get(name); value != nil {
		var text string
		if json.Unmarshal(value, &text) == nil {
			return text
		}
		return string(value)
	}
	value, ok := s.LookupEnv(name)
	if !ok {
		s.Warn(fmt.Sprintf("The variable %s is not set; it is taken for empty.", name))
	}
	return value
}

// json is a node as JSON, with values in the place of names.
func (s scope) json(n *yaml.Node) (json.RawMessage, error) {
	n = target(n)
	var out bytes.Buffer
	switch n.Kind {
	case yaml.MappingNode:
		out.WriteByte('{')
		for key, value := range pairs(n) {
			encoded, err := s.json(value)
			if err != nil {
				return nil, err
			}
			if out.Len() > 1 {
				out.WriteByte(',')
			}
			fmt.Fprintf(&out, "%s:%s", quoted(key.Value), encoded)
		}
		out.WriteByte('}')
		return out.Bytes(), nil
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, value := range n.Content {
			encoded, err := s.json(value)
			if err != nil {
				return nil, err
			}
			if i > 0 {
				out.WriteByte(',')
			}
			out.Write(encoded)
		}
		out.WriteByte(']')
		return out.Bytes(), nil
	}
	return s.scalar(n)
}

func (s scope) scalar(n *yaml.Node) (json.RawMessage, error) {
	switch n.Tag {
	case "!!str":
		if m := whole.FindStringSubmatch(n.Value); m != nil {
			if value := s.values.Get(m[1] + m[2]); value != nil {
				return value, nil
			}
		}
		return quoted(s.text(n.Value)), nil
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.RawMessage(n.Value), nil
		}
	case "!!timestamp":
		return quoted(n.Value), nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be a value: %w", n.Value, err)
	}
	return encoded, nil
}

// quoted is text as JSON, its HTML characters as they are.
func quoted(text string) json.RawMessage {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		panic(err) // any text can be encoded
	}
	return bytes.TrimSpace(out.Bytes())
}
