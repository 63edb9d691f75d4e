package whisk

import (
	"strconv"
	"unicode/utf8"
)

// AppendString appends s as a JSON string to b. Text without anything to escape,
// which most is, costs a copy.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(b, Marshal(s)...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendMember appends `,"key":`; the first member's comma is the caller's to leave out.
func appendMember(b []byte, key string) []byte {
	b = append(b, ',', '"')
	b = append(b, key...)
	return append(b, '"', ':')
}

func appendText(b []byte, key, value string) []byte {
	return AppendString(appendMember(b, key), value)
}

func appendInt(b []byte, key string, value int64) []byte {
	return strconv.AppendInt(appendMember(b, key), value, 10)
}

// AppendJSON appends the array form of the parameters.
func (ps Parameters) AppendJSON(b []byte) []byte {
	b = append(b, '[')
	for i := range ps {
		p := &ps[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"key":`...)
		b = AppendString(b, p.Key)
		b = appendMember(b, "value")
		if len(p.Value) == 0 {
			b = append(b, "null"...)
		}
		b = append(b, p.Value...)
		if p.Init {
			b = append(b, `,"init":true`...)
		}
		if p.Encryption != "" {
			b = appendText(b, "encryption", p.Encryption)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}
