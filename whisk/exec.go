package whisk

import (
	"encoding/base64"
	"strings"
)

// Kinds that are no language runtime.
const (
	SequenceKind = "sequence"
	BlackboxKind = "blackbox"
)

// An Exec says what an action runs.
type Exec struct {
	// Kind is the runtime, e.g. "nodejs:20", or SequenceKind or BlackboxKind.
	Kind string
	// Code is text, or base64 of an archive, as it was sent. Nil when the exec has
	// none or when it was not loaded (then Attachment is set).
	Code *string
	// Attachment finds the code in the attachment store; nil when there is no code.
	Attachment *Attachment
	// Binary says that Code is base64.
	Binary bool
	// Main is the entry point, empty for the runtime's default.
	Main string
	// Image is the container image of a blackbox.
	Image string
	// Components are the actions of a sequence.
	Components []FullName
}

// An Attachment refers to stored code.
type Attachment struct {
	SHA256 string `json:"sha256"` // of the stored bytes, lower-case hex
	Size   int64  `json:"size"`   // stored bytes
	// Decoded says that the bytes are the base64-decoded code.
	Decoded bool `json:"decoded,omitempty"`
}

// IsSequence says whether the exec is a sequence.
func (e *Exec) IsSequence() bool { return e.Kind == SequenceKind }

// Size is the size in bytes that the code limit applies to.
func (e *Exec) Size() int64 {
	n := int64(len(e.Main) + len(e.Image))
	if e.Code != nil {
		n += int64(len(*e.Code))
	}
	for _, c := range e.Components {
		n += int64(len(c.ID()))
	}
	return n
}

// IsBinary is OpenWhisk's rule for what counts as base64: not empty, a multiple
// of four characters, all of the base64 alphabet. "abcd" counts.
func IsBinary(code string) bool {
	code = strings.TrimSpace(code)
	if code == "" || len(code)%4 != 0 {
		return false
	}
	body := strings.TrimRight(code, "=")
	if len(code)-len(body) > 2 {
		return false
	}
	for i := range len(body) {
		if c := body[i]; c != '+' && c != '/' && (c == '_' || !isWord(c)) {
			return false
		}
	}
	return true
}

// Stored returns the bytes to keep for code and whether they are decoded.
// Base64 is decoded only when encoding gives the very same text again.
func Stored(code string, binary bool) ([]byte, bool) {
	if binary {
		if raw, err := base64.StdEncoding.DecodeString(code); err == nil && base64.StdEncoding.EncodeToString(raw) == code {
			return raw, true
		}
	}
	return []byte(code), false
}

// Text is the inverse of Stored.
func (a *Attachment) Text(stored []byte) string {
	if a.Decoded {
		return base64.StdEncoding.EncodeToString(stored)
	}
	return string(stored)
}
