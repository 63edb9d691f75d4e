package web

import (
	"encoding/json"
	"iter"
)

// This file reads valid JSON where it lies: what is found is part of the text,
// not a copy. Text that is not valid yields nonsense, never a panic.

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// skipSpace returns the index of the first byte at or behind i that is no white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// skipString returns the index behind the string that begins at b[i].
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// skipValue returns the index behind the value that begins at b[i].
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			i = skipString(b, i)
		case c == '{' || c == '[':
			depth++
			i++
		case c == '}' || c == ']':
			depth--
			i++
		case isSpace(c) || c == ',' || c == ':':
			i++
			continue
		default:
			i = skipScalar(b, i)
		}
		if depth <= 0 {
			return i
		}
	}
	return i
}

// skipScalar returns the index behind the number or word that begins at b[i].
func skipScalar(b []byte, i int) int {
	for i < len(b) && !isSpace(b[i]) && b[i] != ',' && b[i] != '}' && b[i] != ']' {
		i++
	}
	return i
}

// trim returns a value without the white space around it.
func trim(value json.RawMessage) json.RawMessage {
	value = value[skipSpace(value, 0):]
	for len(value) > 0 && isSpace(value[len(value)-1]) {
		value = value[:len(value)-1]
	}
	return value
}

func isObject(value []byte) bool {
	i := skipSpace(value, 0)
	return i < len(value) && value[i] == '{'
}

func isArray(value []byte) bool {
	i := skipSpace(value, 0)
	return i < len(value) && value[i] == '['
}

// object yields the members of an object in their order.
func object(b json.RawMessage) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		i := skipSpace(b, 0) + 1
		for {
			if i = skipSpace(b, i); i >= len(b) || b[i] != '"' {
				return
			}
			end := skipString(b, i)
			key := text(b[i:end])
			if i = skipSpace(b, end); i >= len(b) || b[i] != ':' {
				return
			}
			i = skipSpace(b, i+1)
			if end = skipValue(b, i); end <= i {
				return
			}
			if !yield(key, b[i:end]) {
				return
			}
			if i = skipSpace(b, end); i >= len(b) || b[i] != ',' {
				return
			}
			i++
		}
	}
}

// array yields the elements of an array.
func array(b json.RawMessage) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		i := skipSpace(b, 0) + 1
		for {
			if i = skipSpace(b, i); i >= len(b) || b[i] == ']' {
				return
			}
			end := skipValue(b, i)
			if !yield(b[i:end]) {
				return
			}
			if i = skipSpace(b, end); i >= len(b) || b[i] != ',' {
				return
			}
			i++
		}
	}
}

// member returns the value of an object's member, the last when there are several.
func member(b json.RawMessage, name string) (value json.RawMessage, ok bool) {
	for key, v := range object(b) {
		if key == name {
			value, ok = v, true
		}
	}
	return value, ok
}

// text is the text of a JSON string.
func text(value []byte) string {
	plain := len(value) >= 2
	for _, c := range value {
		if c == '\\' || c >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		return string(value[1 : len(value)-1])
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}
