package whisk

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"sync/atomic"
	"time"
)

// An ActivationID names one activation: 32 lower-case hex digits.
type ActivationID string

// lastMillis makes ids of one process strictly grow in time even when the clock stands or steps back.
var lastMillis atomic.Int64

// NewActivationID makes an id in time order: a UUID version 7 without dashes
// (RFC 9562, section 5.7), so that new records are neighbours in every index.
// The 12 bits behind the time count within a millisecond.
func NewActivationID(now time.Time) ActivationID {
	tick := now.UnixMilli()<<12 + int64(now.Nanosecond())%1e6*4096/1e6 // units of 1/4096 ms
	for {
		last := lastMillis.Load()
		tick = max(tick, last+1)
		if lastMillis.CompareAndSwap(last, tick) {
			break
		}
	}
	var id [16]byte
	rand.Read(id[8:]) // never fails
	binary.BigEndian.PutUint64(id[:8], uint64(tick>>12)<<16|0x7000|uint64(tick&0xfff))
	id[8] = id[8]&0x3f | 0x80
	return ActivationID(hex.EncodeToString(id[:]))
}

// ParseActivationID checks an id given by a user.
func ParseActivationID(s string) (ActivationID, error) {
	if n := len([]rune(s)); n != 32 {
		return "", Errorf(BadRequest, "Activation id length is %d but must be 32.", n)
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", Errorf(BadRequest, "The activation id is not valid.")
		}
	}
	return ActivationID(s), nil
}

// A Status is how an activation ended.
type Status int

// The ways in which an activation ends.
const (
	Success          Status = 0
	ApplicationError Status = 1 // the function returned an error
	DeveloperError   Status = 2 // the function crashed, ran out of time or memory, or could not start
	InternalError    Status = 3 // we failed
)

// String is the text of the REST API.
func (s Status) String() string {
	switch s {
	case Success:
		return "success"
	case ApplicationError:
		return "application error"
	case DeveloperError:
		return "action developer error"
	default:
		return "whisk internal error"
	}
}

// A Response is the outcome of an activation.
type Response struct {
	Status Status
	Result json.RawMessage // nil reads as null
	Size   *int            // bytes of the function's answer; nil when the platform made the result
}

// ErrorResponse is a response whose result is {"error": message}.
func ErrorResponse(status Status, message string) Response {
	return Response{Status: status, Result: Marshal(map[string]string{"error": message})}
}

// An Activation is the record of one activation.
type Activation struct {
	Namespace   string // of the invoking identity
	Name        string
	Version     Version
	Subject     string
	ID          ActivationID
	Cause       ActivationID // the enclosing sequence, empty at top level
	Start       time.Time
	End         time.Time // zero for triggers
	Duration    int64     // milliseconds
	Response    Response
	Logs        []string
	Publish     bool
	Annotations Parameters
}

// FilterName is the name under which lists of activations find the record:
// "name" or "package/name", the package being the binding's when there is one.
func (a *Activation) FilterName() string {
	for _, key := range []string{"binding", "path"} {
		path, ok := textOf(a.Annotations.Get(key))
		if !ok {
			continue
		}
		segments := splitPath(path)
		if key == "binding" && len(segments) == 2 || len(segments) == 3 {
			return segments[1] + "/" + a.Name
		}
	}
	return a.Name
}

// textOf reads a JSON string. Names have nothing to unescape, which saves the
// decoder, since every record comes this way.
func textOf(value json.RawMessage) (text string, ok bool) {
	if n := len(value); n >= 2 && value[0] == '"' && bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : n-1]), true
	}
	err := json.Unmarshal(value, &text)
	return text, err == nil
}
