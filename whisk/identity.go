package whisk

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"time"
)

// SecretLength is the length of the secret half of a key, in characters.
const SecretLength = 64

// A Key authenticates one subject for one namespace; written "uuid:secret".
type Key struct {
	UUID   string `json:"uuid"`
	Secret string `json:"key"`
}

func (k Key) String() string { return k.UUID + ":" + k.Secret }

// NewKey makes a random key.
func NewKey() Key {
	var id [16]byte
	rand.Read(id[:]) // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return Key{
		UUID:   fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:16]),
		Secret: RandomText(SecretLength),
	}
}

// NewTransactionID makes the id of a request: 32 characters that nobody else has,
// and no secret.
func NewTransactionID() string {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	var id [32]byte
	for i := 0; i < len(id); i += 8 {
		bits := mathrand.Uint64()
		for j := range 8 {
			id[i+j] = digits[bits&31]
			bits >>= 5
		}
	}
	return string(id[:])
}

// RandomText returns n random characters of [A-Za-z0-9].
func RandomText(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	out, buf := make([]byte, 0, n), make([]byte, n+n/4+8)
	for len(out) < n {
		rand.Read(buf) // never fails
		for _, b := range buf {
			if b < 248 && len(out) < n { // 248 = 4·62, so that no character is likelier
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}

// A Subject is somebody who may own several namespaces, each with its own key.
type Subject struct {
	Name       string             `json:"subject"`
	Blocked    bool               `json:"blocked,omitempty"`
	Namespaces []SubjectNamespace `json:"namespaces"`
}

// A SubjectNamespace is one namespace of a subject and the keys that open it: its own, which is
// also the one that web actions run with, and further ones.
type SubjectNamespace struct {
	Name string `json:"name"`
	Key
	Keys []AccessKey `json:"keys,omitempty"`
}

// NamespaceLimits are a namespace's own limits; nil members are the system's.
// The JSON is that of OpenWhisk's limits documents.
type NamespaceLimits struct {
	InvocationsPerMinute  *int     `json:"invocationsPerMinute,omitempty"`
	ConcurrentInvocations *int     `json:"concurrentInvocations,omitempty"`
	FiresPerMinute        *int     `json:"firesPerMinute,omitempty"`
	AllowedKinds          []string `json:"allowedKinds,omitempty"`
	StoreActivations      *bool    `json:"storeActivations,omitempty"`

	MinActionMemory      *int `json:"minActionMemory,omitempty"` // MB
	MaxActionMemory      *int `json:"maxActionMemory,omitempty"` // MB
	MinActionLogs        *int `json:"minActionLogs,omitempty"`   // MB
	MaxActionLogs        *int `json:"maxActionLogs,omitempty"`   // MB
	MinActionTimeout     *int `json:"minActionTimeout,omitempty"`
	MaxActionTimeout     *int `json:"maxActionTimeout,omitempty"`
	MinActionConcurrency *int `json:"minActionConcurrency,omitempty"`
	MaxActionConcurrency *int `json:"maxActionConcurrency,omitempty"`
	MaxActionInstances   *int `json:"maxActionInstances,omitempty"`

	MaxParameterSize *Size `json:"maxParameterSize,omitempty"`
	MaxPayloadSize   *Size `json:"maxPayloadSize,omitempty"`
	TruncationSize   *Size `json:"truncationSize,omitempty"`

	WarmedContainerKeepingCount   *int    `json:"warmedContainerKeepingCount,omitempty"`
	WarmedContainerKeepingTimeout *string `json:"warmedContainerKeepingTimeout,omitempty"` // a duration

	// KeepRecords is how long activation records are kept, a duration of Go such as 72h, where that is
	// shorter than the platform's.
	KeepRecords *string `json:"keepRecords,omitempty"`
}

// An Identity is who makes a request: the subject, the namespace its key opens,
// and that namespace's limits.
type Identity struct {
	Subject   string
	Namespace string
	Key       Key
	Scope     Scope     // what the key may be used for
	Expires   time.Time // when it ends to be valid; zero is never
	Limits    NamespaceLimits
}

// Effective returns the limits in force for the identity: its own ones, clamped into the system's.
func (id *Identity) Effective(system *SystemLimits) SystemLimits {
	s, own := *system, &id.Limits
	for _, r := range []struct {
		into     *Range
		low, top *int
	}{
		{&s.Memory, own.MinActionMemory, own.MaxActionMemory},
		{&s.Logs, own.MinActionLogs, own.MaxActionLogs},
		{&s.Timeout, own.MinActionTimeout, own.MaxActionTimeout},
		{&s.Concurrency, own.MinActionConcurrency, own.MaxActionConcurrency},
	} {
		bounds := *r.into
		if r.low != nil {
			r.into.Min = min(max(*r.low, bounds.Min), bounds.Max)
		}
		if r.top != nil {
			r.into.Max = min(max(*r.top, bounds.Min), bounds.Max)
		}
		r.into.Default = min(max(bounds.Default, r.into.Min), r.into.Max)
	}
	for _, n := range []struct {
		into *int
		own  *int
	}{
		{&s.InvocationsPerMinute, own.InvocationsPerMinute},
		{&s.ConcurrentInvocations, own.ConcurrentInvocations},
		{&s.FiresPerMinute, own.FiresPerMinute},
	} {
		if n.own != nil {
			*n.into = *n.own
		}
	}
	s.Instances = s.ConcurrentInvocations
	if own.MaxActionInstances != nil {
		s.Instances = *own.MaxActionInstances
	}
	s.Payload = smaller(own.MaxPayloadSize, s.Payload)
	s.Truncation = smaller(own.TruncationSize, s.Truncation)
	s.Parameters = smaller(own.MaxParameterSize, s.Parameters)
	return s
}

func smaller(own *Size, system int64) int64 {
	if own == nil {
		return system
	}
	return min(int64(*own), system)
}

// PayloadLimit is the Payload of Effective, for those who need nothing else.
func (id *Identity) PayloadLimit(system *SystemLimits) int64 {
	return smaller(id.Limits.MaxPayloadSize, system.Payload)
}

// ParameterLimit is the Parameters of Effective, for those who need nothing else.
func (id *Identity) ParameterLimit(system *SystemLimits) int64 {
	return smaller(id.Limits.MaxParameterSize, system.Parameters)
}

// TruncationLimit is the Truncation of Effective, for those who need nothing else.
func (id *Identity) TruncationLimit(system *SystemLimits) int64 {
	return smaller(id.Limits.TruncationSize, system.Truncation)
}

// StoresActivations says whether records of this namespace are kept.
func (id *Identity) StoresActivations() bool {
	return id.Limits.StoreActivations == nil || *id.Limits.StoreActivations
}
