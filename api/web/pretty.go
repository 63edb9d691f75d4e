package web

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Pretty lays a JSON value out as OpenWhisk does: objects over several lines,
// two spaces deeper each, their members in the order of their names; arrays on
// one line. Numbers and strings stay as they are.
func Pretty(value json.RawMessage) []byte {
	p := printer{in: value, out: make([]byte, 0, len(value)+len(value)/4+16)}
	p.value(skipSpace(value, 0), 0)
	return p.out
}

type printer struct {
	in, out []byte
}

// value prints the value that begins at in[i] and returns the index behind it.
func (p *printer) value(i, depth int) int {
	if i >= len(p.in) {
		return i
	}
	switch p.in[i] {
	case '{':
		return p.object(i, depth)
	case '[':
		return p.array(i, depth)
	}
	end := skipValue(p.in, i)
	p.out = append(p.out, p.in[i:end]...)
	return end
}

// A line is a printed member, from its indentation to its comma.
type line struct {
	key      []byte
	from, to int // in out
}

func (p *printer) object(i, depth int) int {
	p.out = append(p.out, "{\n"...)
	start := len(p.out)
	var lines []line
	for i = skipSpace(p.in, i+1); i < len(p.in) && p.in[i] == '"'; i = skipSpace(p.in, i) {
		end := skipString(p.in, i)
		l := line{key: p.in[i:end], from: len(p.out)}
		p.indent(depth + 1)
		p.out = append(p.out, l.key...)
		p.out = append(p.out, ": "...)
		i = skipSpace(p.in, end)
		i = p.value(skipSpace(p.in, i+1), depth+1)
		p.out = append(p.out, ",\n"...)
		l.to = len(p.out)
		lines = append(lines, l)
		if i = skipSpace(p.in, i); i < len(p.in) && p.in[i] == ',' {
			i++
		}
	}
	p.order(start, lines)
	if len(lines) > 0 {
		p.out = p.out[:len(p.out)-2]
	}
	p.out = append(p.out, '\n')
	p.indent(depth)
	p.out = append(p.out, '}')
	return i + 1
}

// order puts the lines, which are out from start on, in the order of their keys.
func (p *printer) order(start int, lines []line) {
	byKey := func(a, b line) int { return bytes.Compare(a.key, b.key) }
	if slices.IsSortedFunc(lines, byKey) {
		return
	}
	slices.SortStableFunc(lines, byKey)
	unordered := slices.Clone(p.out[start:])
	p.out = p.out[:start]
	for _, l := range lines {
		p.out = append(p.out, unordered[l.from-start:l.to-start]...)
	}
}

func (p *printer) array(i, depth int) int {
	p.out = append(p.out, '[')
	for i = skipSpace(p.in, i+1); i < len(p.in) && p.in[i] != ']'; i = skipSpace(p.in, i) {
		i = skipSpace(p.in, p.value(i, depth))
		if i < len(p.in) && p.in[i] == ',' {
			p.out = append(p.out, ", "...)
			i++
		}
	}
	p.out = append(p.out, ']')
	return i + 1
}

func (p *printer) indent(depth int) {
	for range depth {
		p.out = append(p.out, "  "...)
	}
}
