package whisk

import (
	"encoding/json"
	"math"
	"strconv"
)

// MB is the unit of memory and log limits: 1024·1024 bytes.
const MB = 1 << 20

// ActionLimits are what one activation of an action may use.
type ActionLimits struct {
	Timeout     int  `json:"timeout"`             // milliseconds, for /init and for /run each
	Memory      int  `json:"memory"`              // MB
	Logs        int  `json:"logs"`                // MB
	Concurrency int  `json:"concurrency"`         // activations at once in one container
	Instances   *int `json:"instances,omitempty"` // containers at once
}

// AppendJSON appends the limits as JSON object to b.
func (l ActionLimits) AppendJSON(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"timeout":`...), int64(l.Timeout), 10)
	b = appendInt(b, "memory", int64(l.Memory))
	b = appendInt(b, "logs", int64(l.Logs))
	b = appendInt(b, "concurrency", int64(l.Concurrency))
	if l.Instances != nil {
		b = appendInt(b, "instances", int64(*l.Instances))
	}
	return append(b, '}')
}

// Within holds limits of a stored action against bounds that may have changed
// since. The error says as Check does which is beyond.
func (l ActionLimits) Within(s *SystemLimits) error {
	in := func(n int, r Range) bool { return n >= r.Min && n <= r.Max }
	if in(l.Timeout, s.Timeout) && in(l.Memory, s.Memory) && in(l.Logs, s.Logs) && in(l.Concurrency, s.Concurrency) {
		return nil
	}
	return LimitsPatch{Timeout: &l.Timeout, Memory: &l.Memory, Logs: &l.Logs, Concurrency: &l.Concurrency}.Check(s)
}

// A Range bounds one limit; Default is taken when an action names none.
type Range struct {
	Min, Default, Max int
}

// SystemLimits are the bounds of the whole platform.
type SystemLimits struct {
	Timeout     Range // milliseconds
	Memory      Range // MB
	Logs        Range // MB
	Concurrency Range // activations per container

	Code       int64 // bytes of exec
	Parameters int64 // bytes of parameters, and of annotations
	Payload    int64 // bytes of a request's arguments and of a result
	Truncation int64 // bytes kept of a result that is too long

	SequenceLength int // components

	InvocationsPerMinute  int // per namespace
	FiresPerMinute        int // per namespace
	ConcurrentInvocations int // per namespace
	Instances             int // containers that an action may ask for; 0 is as many as ConcurrentInvocations
}

// DefaultLimits are OpenWhisk's.
func DefaultLimits() SystemLimits {
	return SystemLimits{
		Timeout:     Range{100, 60_000, 300_000},
		Memory:      Range{128, 256, 512},
		Logs:        Range{0, 10, 10},
		Concurrency: Range{1, 1, 1},

		Code:       48 * MB,
		Parameters: MB,
		Payload:    MB,
		Truncation: MB,

		SequenceLength: 50,

		InvocationsPerMinute:  60,
		FiresPerMinute:        60,
		ConcurrentInvocations: 30,
	}
}

// Default returns the limits of an action that names none.
func (s *SystemLimits) Default() ActionLimits {
	return ActionLimits{Timeout: s.Timeout.Default, Memory: s.Memory.Default, Logs: s.Logs.Default, Concurrency: s.Concurrency.Default}
}

// A LimitsPatch is the limits of a request body; nil members are not given.
type LimitsPatch struct {
	Timeout, Memory, Logs, Concurrency, Instances *int
}

// ParseLimits reads the limits object of an action's body. The error is a malformed-content Error.
func ParseLimits(raw json.RawMessage) (LimitsPatch, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return LimitsPatch{}, Malformed("Object expected in field 'timeout'")
	}
	var patch LimitsPatch
	for _, f := range []struct {
		key, short, whole string
		into              **int
	}{
		{"memory", "memory", "memory", &patch.Memory},
		{"timeout", "time", "time", &patch.Timeout},
		{"logs", "log", "log", &patch.Logs},
		{"concurrency", "concurrency", "intra concurrency", &patch.Concurrency},
		{"instances", "instance concurrency", "instance concurrency", &patch.Instances},
	} {
		value := members[f.key]
		if IsNull(value) {
			continue
		}
		n, err := strconv.ParseFloat(string(value), 64)
		if err != nil || math.Abs(n) > math.MaxInt32 {
			return LimitsPatch{}, Malformed("%s limit malformed", f.short)
		}
		if n != math.Trunc(n) {
			return LimitsPatch{}, Malformed("requirement failed: %s limit must be whole number", f.whole)
		}
		whole := int(n)
		*f.into = &whole
	}
	if patch.Logs != nil && *patch.Logs < 0 || patch.Memory != nil && *patch.Memory < 0 {
		return LimitsPatch{}, Malformed("requirement failed: a negative size of an object is not allowed.")
	}
	if patch.Instances != nil && *patch.Instances < 0 {
		return LimitsPatch{}, Malformed("requirement failed: Action container concurrency must be greater than or equal to 0.")
	}
	return patch, nil
}

// Check holds the given members against the bounds.
func (p LimitsPatch) Check(s *SystemLimits) error {
	for _, c := range []struct {
		given      *int
		bound      Range
		text, unit string
	}{
		{p.Memory, s.Memory, "memory size", " MB"},
		{p.Timeout, s.Timeout, "duration", " milliseconds"},
		{p.Logs, s.Logs, "log size", " MB"},
		{p.Concurrency, s.Concurrency, "concurrency", ""},
	} {
		switch {
		case c.given == nil:
		case *c.given > c.bound.Max:
			return Errorf(BadRequest, "requirement failed: %s %d%s exceeds allowed threshold of %d%s", c.text, *c.given, c.unit, c.bound.Max, c.unit)
		case *c.given < c.bound.Min:
			return Errorf(BadRequest, "requirement failed: %s %d%s below allowed threshold of %d%s", c.text, *c.given, c.unit, c.bound.Min, c.unit)
		}
	}
	return nil
}

// Over returns base with the given members in place.
func (p LimitsPatch) Over(base ActionLimits) ActionLimits {
	for _, f := range []struct {
		given *int
		into  *int
	}{{p.Timeout, &base.Timeout}, {p.Memory, &base.Memory}, {p.Logs, &base.Logs}, {p.Concurrency, &base.Concurrency}} {
		if f.given != nil {
			*f.into = *f.given
		}
	}
	if p.Instances != nil {
		base.Instances = p.Instances
	}
	return base
}
