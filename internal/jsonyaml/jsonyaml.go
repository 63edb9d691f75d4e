// Package jsonyaml makes YAML of JSON. It keeps the order of objects and the digits of
// numbers, and quotes text that YAML would take for something else.
package jsonyaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"gopkg.in/yaml.v3"
)

// plainLines are lines that say something, none of them blank or with blanks at its beginning at first.
var plainLines = regexp.MustCompile(`^[!-~][ -~]*(\n[ -~]*[!-~])*\n?$`)

// Write writes a JSON value as a YAML document, indented by two spaces.
func Write(w io.Writer, value []byte) error {
	node, err := Node(value)
	if err != nil {
		return err
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(node), enc.Close())
}

// Node is a JSON value as a YAML node.
func Node(value []byte) (*yaml.Node, error) {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	return next(dec)
}

// Text is text as a node.
func Text(t string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(t)
	// The library writes neither a merge as a key nor every text of lines so that it is read as what it was.
	if t == "<<" || n.Style == yaml.LiteralStyle && !plainLines.MatchString(t) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func next(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch t := token.(type) {
	case json.Delim:
		return collection(dec, t)
	case string:
		return Text(t), nil
	case json.Number:
		n.Value = t.String()
	case bool:
		n.Value, n.Tag = fmt.Sprint(t), "!!bool"
	case nil:
		n.Value, n.Tag = "null", "!!null"
	}
	return n, nil
}

// collection is an array or object whose first token was read.
func collection(dec *json.Decoder, begin json.Delim) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	if begin == '{' {
		n.Kind = yaml.MappingNode
	}
	for dec.More() {
		item, err := next(dec)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, item)
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	_, err := dec.Token() // its end
	return n, err
}
