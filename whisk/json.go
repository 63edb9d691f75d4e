package whisk

import (
	"bytes"
	"encoding/json"
)

// Marshal encodes v compactly and, unlike json.Marshal, leaves '<', '>' and '&' as they are,
// as OpenWhisk does. It panics when v cannot be encoded, which no value of this package causes.
func Marshal(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("whisk: encode: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// Compact returns raw without insignificant white space; raw must be valid JSON.
func Compact(raw json.RawMessage) json.RawMessage {
	var buf bytes.Buffer
	buf.Grow(len(raw))
	if err := json.Compact(&buf, raw); err != nil {
		return raw
	}
	return buf.Bytes()
}

// IsNull says whether raw is absent or the JSON value null.
func IsNull(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null"
}

// Truthy is OpenWhisk's reading of an annotation as a yes or no: false, 0, "" and null are no.
func Truthy(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", "false", `""`:
		return false
	}
	var n float64
	if json.Unmarshal(raw, &n) == nil {
		return n != 0
	}
	return true
}
