package proxy

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// A message is a request in the pieces in which it is written: what stands before
// the arguments (HTTP head included), the arguments, and what stands after them.
type message struct {
	buffer    []byte // begins with room for the head; before is its used part
	before    []byte
	value     []byte // not ours, not copied
	after     []byte
	sentinels Sentinels
	shared    bool // several activations share the output
}

// Room for the head in front of a body that is written before its length is known.
const headRoom = 192

// joinBelow is the size up to which copying the arguments is cheaper than
// writing them as a piece of their own.
const joinBelow = 16 << 10

// keepBelow is how large a buffer may be and still stay with an idle connection.
const keepBelow = 64 << 10

// initMessage builds POST /init in m's buffers.
func (m *message) initMessage(r *InitRequest) {
	b := m.reset(r.codeRoom())
	b = append(b, `{"value":{"name":`...)
	b = appendString(b, r.Name)
	b = append(b, `,"main":`...)
	b = appendString(b, r.Main)
	b = append(b, `,"binary":`...)
	b = strconv.AppendBool(b, r.Binary)
	if r.Code != "" {
		b = append(b, `,"code":`...)
		b = appendString(b, r.Code)
	}
	if r.Folder != "" {
		b = append(b, `,"folder":`...)
		b = appendString(b, r.Folder)
	}
	b = append(b, `,"env":{`...)
	first := true
	for key, value := range r.Env {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, key)
		b = append(b, ':')
		b = appendString(b, value)
	}
	m.shared = r.Shared
	m.finish("/init", append(b, `}}}`...))
}

// codeRoom is about what the code takes, a little of it escaped.
func (r *InitRequest) codeRoom() int { return len(r.Code) + len(r.Code)/8 }

// runMessage builds POST /run in m's buffers.
func (m *message) runMessage(r *RunRequest) {
	before := append(m.reset(0), `{"value":`...)
	m.value = r.Value
	if len(m.value) == 0 {
		m.value = emptyObject
	}
	b := m.after[:0]
	b = appendMember(b, `,"namespace":`, r.Namespace)
	b = appendMember(b, `,"action_name":`, r.ActionName)
	b = appendMember(b, `,"action_version":`, r.ActionVersion)
	b = appendMember(b, `,"activation_id":`, r.ActivationID)
	b = appendMember(b, `,"transaction_id":`, r.TransactionID)
	b = append(b, `,"deadline":"`...)
	b = strconv.AppendInt(b, r.Deadline.UnixMilli(), 10)
	b = append(b, '"')
	if r.APIKey != "" {
		b = appendMember(b, `,"api_key":`, r.APIKey)
	}
	m.after = append(b, '}')
	m.sentinels = r.Sentinels
	m.finish("/run", before)
}

var emptyObject = []byte("{}")

// warmMessage builds POST /warm in m's buffers.
func (m *message) warmMessage() {
	m.finish("/warm", m.reset(0))
}

// compiledMessage builds POST /compiled in m's buffers.
func (m *message) compiledMessage() {
	m.finish("/compiled", m.reset(0))
}

// reset empties m and leaves room for the head.
func (m *message) reset(room int) []byte {
	m.value, m.after, m.sentinels, m.shared = nil, m.after[:0], Always, false
	return slices.Grow(m.buffer[:0], headRoom+room+joinBelow/4)[:headRoom]
}

// finish puts the head right in front of the body, whose first part stands in
// buffer behind the room for it, and small arguments between the two halves.
func (m *message) finish(path string, buffer []byte) {
	length := len(buffer) - headRoom + len(m.value) + len(m.after)
	if len(m.value) <= joinBelow {
		buffer = append(buffer, m.value...)
		buffer = append(buffer, m.after...)
		m.value, m.after = nil, m.after[:0]
	}
	var space [headRoom]byte
	head := append(space[:0], "POST "...)
	head = append(head, path...)
	head = append(head, " HTTP/1.1\r\nHost: action\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: "...)
	head = strconv.AppendInt(head, int64(length), 10)
	switch m.sentinels {
	case IfPrinted:
		head = append(head, "\r\nX-Quirl-Sentinels: if-printed"...)
	case Never:
		head = append(head, "\r\nX-Quirl-Sentinels: never"...)
	}
	if m.shared {
		head = append(head, "\r\nX-Quirl-Output: shared"...)
	}
	head = append(head, "\r\n\r\n"...)
	start := headRoom - len(head)
	copy(buffer[start:], head)
	m.buffer, m.before = buffer, buffer[start:]
}

// release lets go of what is not ours, and of buffers too large to keep.
func (m *message) release() {
	m.value, m.before = nil, nil
	if cap(m.buffer) > keepBelow {
		m.buffer = nil
	}
}

func appendMember(b []byte, name, value string) []byte {
	return appendString(append(b, name...), value)
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0 // of what is not appended yet
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		i++
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i-1]...)
		start = i
		b = appendEscape(b, c)
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}
