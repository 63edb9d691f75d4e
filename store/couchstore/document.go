package couchstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"quirl/whisk"
)

// JSON in CouchDB is values, not text: numbers become doubles, and members may be put in another
// order. A document therefore has a clean form that comes back as it was written; where the
// original is another text, the document also has that, as a string.

// head are the members of a document that say what it is.
type head struct {
	ID       string          `json:"_id"`
	Revision string          `json:"_rev"`
	Type     string          `json:"entityType"`
	Exact    json.RawMessage `json:"exact"`
	// Attachments are those of CouchDB.
	Attachments map[string]json.RawMessage `json:"_attachments"`
}

// A document is one as it was read.
type document struct {
	head
	raw json.RawMessage
}

func readDocument(raw json.RawMessage) (document, error) {
	d := document{raw: raw}
	if err := json.Unmarshal(raw, &d.head); err != nil {
		return d, fmt.Errorf("%w: %w", errDocument, err)
	}
	return d, nil
}

// withMembers returns a JSON object with the members of its place, and more in the form
// `"name":value` before its own.
func withMembers(object []byte, id, revision string, more ...string) json.RawMessage {
	b := make([]byte, 0, len(object)+len(id)+100)
	b = whisk.AppendString(append(b, `{"_id":`...), id)
	if revision != "" {
		b = whisk.AppendString(append(b, `,"_rev":`...), revision)
	}
	for _, m := range more {
		b = append(append(b, ','), m...)
	}
	if len(object) > len("{}") {
		b = append(b, ',')
	}
	return append(b, object[1:]...)
}

// text is bytes as a JSON value: a string, or an object with base64 when they are no UTF-8.
type text []byte

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.Valid(t) {
		return whisk.AppendString(nil, string(t)), nil
	}
	return whisk.Marshal(base64Text{t}), nil
}

func (t *text) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		err := json.Unmarshal(raw, &s)
		*t = text(s)
		return err
	}
	var b base64Text
	err := json.Unmarshal(raw, &b)
	*t = b.Base64
	return err
}

type base64Text struct {
	Base64 []byte `json:"base64"`
}

// clean returns the form of a JSON text that CouchDB gives back as it is, and whether that is
// the text itself. It leaves the text's order alone.
func clean(raw []byte) (form []byte, same bool) {
	c := cleaner{dec: json.NewDecoder(bytes.NewReader(raw)), out: make([]byte, 0, len(raw))}
	c.dec.UseNumber()
	if err := c.value(); err != nil {
		return []byte("null"), false
	}
	return c.out, !c.odd && bytes.Equal(c.out, raw)
}

type cleaner struct {
	dec *json.Decoder
	out []byte
	odd bool // there are members that would move, or are there twice
}

func (c *cleaner) value() error {
	t, err := c.dec.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return c.array()
		}
		return c.object()
	case string:
		c.out = whisk.AppendString(c.out, t)
	case json.Number:
		c.number(t)
	case bool:
		c.out = strconv.AppendBool(c.out, t)
	default:
		c.out = append(c.out, "null"...)
	}
	return nil
}

func (c *cleaner) array() error {
	c.out = append(c.out, '[')
	for i := 0; c.dec.More(); i++ {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		if err := c.value(); err != nil {
			return err
		}
	}
	_, err := c.dec.Token()
	c.out = append(c.out, ']')
	return err
}

func (c *cleaner) object() error {
	c.out = append(c.out, '{')
	var known map[string]bool
	for first := true; c.dec.More(); {
		t, err := c.dec.Token()
		if err != nil {
			return err
		}
		name := t.(string)
		if known[name] { // the original has it
			c.odd = true
			kept := len(c.out)
			if err := c.value(); err != nil {
				return err
			}
			c.out = c.out[:kept]
			continue
		}
		if known == nil {
			known = map[string]bool{}
		}
		known[name] = true
		c.odd = c.odd || moves(name)
		if !first {
			c.out = append(c.out, ',')
		}
		first = false
		c.out = append(whisk.AppendString(c.out, name), ':')
		if err := c.value(); err != nil {
			return err
		}
	}
	_, err := c.dec.Token()
	c.out = append(c.out, '}')
	return err
}

// moves says whether a member of that name would be put in another place, or lost, by a server
// that is written in JavaScript: such as are numbers come first there.
func moves(name string) bool {
	if name == "__proto__" {
		return true
	}
	for _, c := range []byte(name) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return name != ""
}

// safeInteger is the greatest whole number up to which doubles have all.
const safeInteger = 1<<53 - 1

func (c *cleaner) number(n json.Number) {
	if i, err := n.Int64(); err == nil && -safeInteger <= i && i <= safeInteger {
		c.out = strconv.AppendInt(c.out, i, 10)
		return
	}
	f, err := n.Float64()
	if err != nil { // greater than any
		c.out = append(c.out, "null"...)
		return
	}
	c.out = append(c.out, whisk.Marshal(f)...)
}
