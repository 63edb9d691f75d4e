package whisk

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// A Parameter is a bound parameter or an annotation of an entity.
type Parameter struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"` // any JSON value, in the literal form it was given
	// Init says that the value is delivered as environment variable at initialization.
	Init bool `json:"init,omitempty"`
	// Encryption names the scheme by which Value is encrypted at rest, empty for none.
	Encryption string `json:"encryption,omitempty"`
}

// Parameters are a set of parameters or annotations in the order of first appearance, keys unique.
type Parameters []Parameter

// MarshalJSON writes an array, never null.
func (ps Parameters) MarshalJSON() ([]byte, error) { return ps.AppendJSON(nil), nil }

// ParseParameters reads the array form of the REST API. The last of equal keys wins.
func ParseParameters(raw json.RawMessage) (Parameters, error) {
	var items []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, Malformed("parameters malformed!")
	}
	ps := make(Parameters, 0, len(items))
	for _, item := range items {
		p, err := parseParameter(item)
		if err != nil {
			return nil, err
		}
		ps = ps.With(p)
	}
	return ps, nil
}

func parseParameter(item map[string]json.RawMessage) (Parameter, error) {
	value, ok := item["value"]
	var key *string
	if json.Unmarshal(item["key"], &key) != nil || key == nil || !ok {
		return Parameter{}, Malformed("parameters malformed!")
	}
	p := Parameter{Key: *key, Value: Compact(value)}
	if raw, ok := item["init"]; ok && json.Unmarshal(raw, &p.Init) != nil {
		return Parameter{}, Malformed("parameters malformed!")
	}
	if raw, ok := item["encryption"]; ok && json.Unmarshal(raw, &p.Encryption) != nil {
		return Parameter{}, Malformed("parameters malformed!")
	}
	return p, nil
}

// Get returns the value of key, nil when there is none.
func (ps Parameters) Get(key string) json.RawMessage {
	for i := range ps {
		if ps[i].Key == key {
			return ps[i].Value
		}
	}
	return nil
}

// Has says whether key is there, whatever its value.
func (ps Parameters) Has(key string) bool { return ps.Get(key) != nil }

// IsTrue says whether the annotation key is JSON true.
func (ps Parameters) IsTrue(key string) bool { return string(ps.Get(key)) == "true" }

// With returns the set with p added, or in place of the parameter of the same key. ps itself stays as it is.
func (ps Parameters) With(p Parameter) Parameters {
	out := make(Parameters, len(ps), len(ps)+1)
	copy(out, ps)
	for i := range out {
		if out[i].Key == p.Key {
			out[i] = p
			return out
		}
	}
	return append(out, p)
}

// WithValue is With for an unmarked key and a Go value.
func (ps Parameters) WithValue(key string, value any) Parameters {
	return ps.With(Parameter{Key: key, Value: Marshal(value)})
}

// Without returns the set without the keys.
func (ps Parameters) Without(keys ...string) Parameters {
	drop := make(map[string]bool, len(keys))
	for _, k := range keys {
		drop[k] = true
	}
	out := make(Parameters, 0, len(ps))
	for _, p := range ps {
		if !drop[p.Key] {
			out = append(out, p)
		}
	}
	return out
}

// Over merges ps over base: equal keys take the value of ps.
func (ps Parameters) Over(base Parameters) Parameters {
	if len(base) == 0 {
		return ps
	}
	for _, p := range ps {
		base = base.With(p)
	}
	return base
}

// Size is the size in bytes that limits apply to: keys and compact values, UTF-8.
func (ps Parameters) Size() int64 {
	var n int64
	for _, p := range ps {
		n += int64(len(p.Key) + len(p.Value))
	}
	return n
}

// InitNames are the keys that are delivered at initialization.
func (ps Parameters) InitNames() []string {
	var names []string
	for _, p := range ps {
		if p.Init {
			names = append(names, p.Key)
		}
	}
	return names
}

// Arguments merges a request's payload, a JSON object or empty, over the
// parameters and returns the object of all arguments.
func (ps Parameters) Arguments(payload json.RawMessage) (json.RawMessage, error) {
	if len(ps) == 0 {
		if len(payload) == 0 {
			return json.RawMessage("{}"), nil
		}
		return payload, nil
	}
	given, err := Members(payload)
	if err != nil {
		return nil, err
	}
	merged := slices.Grow(ps.plain(), len(given))
	for _, m := range given { // thousands, perhaps, each of another key
		if i := merged[:len(ps)].index(m.Key); i >= 0 {
			merged[i] = m
		} else {
			merged = append(merged, m)
		}
	}
	return merged.Object(), nil
}

// index finds a key, -1 when it is not there.
func (ps Parameters) index(key string) int {
	return slices.IndexFunc(ps, func(p Parameter) bool { return p.Key == key })
}

// plain returns the parameters without their marks.
func (ps Parameters) plain() Parameters {
	out := make(Parameters, len(ps))
	for i, p := range ps {
		out[i] = Parameter{Key: p.Key, Value: p.Value}
	}
	return out
}

// Object returns the parameters as one JSON object.
func (ps Parameters) Object() json.RawMessage {
	var buf bytes.Buffer
	buf.WriteByte('{')
	for i, p := range ps {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.Write(Marshal(p.Key))
		buf.WriteByte(':')
		buf.Write(p.Value)
	}
	buf.WriteByte('}')
	return buf.Bytes()
}

// Members reads a JSON object's members in their order; an empty object reads as none.
func Members(object json.RawMessage) (Parameters, error) {
	if len(bytes.TrimSpace(object)) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(object))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, Malformed("JSON object expected")
	}
	var members Parameters
	seen := map[string]int{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, Malformed("%v", err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, Malformed("%v", err)
		}
		name, _ := key.(string)
		if at, ok := seen[name]; ok {
			members[at].Value = value
			continue
		}
		seen[name] = len(members)
		members = append(members, Parameter{Key: name, Value: value})
	}
	if _, err := dec.Token(); err != nil {
		return nil, Malformed("%v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, Malformed("JSON object expected")
	}
	return members, nil
}
