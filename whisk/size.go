package whisk

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// A Size is a number of bytes, written as text: "1048576 B", "1 MB".
type Size int64

// ParseSize reads a number and a unit, B, K, KB, M, MB, G or GB in either case;
// units are powers of 1024.
func ParseSize(text string) (Size, error) {
	text = strings.TrimSpace(text)
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil {
		return 0, Malformed("size unit not supported. Only \"B\", \"K\", \"KB\", \"M\", \"MB\", \"G\" and \"GB\" are supported")
	}
	unit := int64(1)
	switch strings.ToUpper(strings.TrimSpace(text[digits:])) {
	case "B":
	case "K", "KB":
		unit = 1 << 10
	case "M", "MB":
		unit = 1 << 20
	case "G", "GB":
		unit = 1 << 30
	default:
		return 0, Malformed("size unit not supported. Only \"B\", \"K\", \"KB\", \"M\", \"MB\", \"G\" and \"GB\" are supported")
	}
	if n > math.MaxInt64/unit {
		return 0, Malformed("size %s is too large", text)
	}
	return Size(n * unit), nil
}

// String is the size in bytes.
func (s Size) String() string { return strconv.FormatInt(int64(s), 10) + " B" }

// MarshalJSON writes String.
func (s Size) MarshalJSON() ([]byte, error) { return Marshal(s.String()), nil }

// UnmarshalJSON reads what ParseSize does.
func (s *Size) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	size, err := ParseSize(text)
	*s = size
	return err
}
