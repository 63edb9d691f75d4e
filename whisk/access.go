package whisk

import "time"

// A Scope is what a key may be used for.
type Scope string

// The scopes. A namespace's own key has the first.
const (
	AllScope    Scope = ""       // everything
	InvokeScope Scope = "invoke" // invoke actions and fire triggers, and nothing else
	ReadScope   Scope = "read"   // read and list, and nothing else
)

// ParseScope reads a scope: all, invoke or read.
func ParseScope(text string) (Scope, bool) {
	switch s := Scope(text); s {
	case "all", AllScope:
		return AllScope, true
	case InvokeScope, ReadScope:
		return s, true
	}
	return "", false
}

// String is the scope as people write it.
func (s Scope) String() string {
	if s == AllScope {
		return "all"
	}
	return string(s)
}

// An AccessKey is a further key of a namespace: for one use, for a time, to be revoked alone.
type AccessKey struct {
	Key
	Name    string `json:"name"` // by which its owner knows it
	Scope   Scope  `json:"scope,omitempty"`
	Created int64  `json:"created"`           // epoch milliseconds
	Expires int64  `json:"expires,omitempty"` // likewise; 0 is never
}

// ByKey is the identity that the subject's key of a UUID gives, without limits; nil when there is
// none. It does not look at whether the subject is blocked, or the key expired.
func (s *Subject) ByKey(uuid string) *Identity {
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		if n.UUID == uuid {
			return &Identity{Subject: s.Name, Namespace: n.Name, Key: n.Key}
		}
		for _, k := range n.Keys {
			if k.UUID != uuid {
				continue
			}
			id := &Identity{Subject: s.Name, Namespace: n.Name, Key: k.Key, Scope: k.Scope}
			if k.Expires != 0 {
				id.Expires = time.UnixMilli(k.Expires)
			}
			return id
		}
	}
	return nil
}

// Owner is the identity of the subject in a namespace, by its own key and without limits; nil
// when the subject does not have the namespace.
func (s *Subject) Owner(namespace string) *Identity {
	for _, n := range s.Namespaces {
		if n.Name == namespace {
			return &Identity{Subject: s.Name, Namespace: n.Name, Key: n.Key}
		}
	}
	return nil
}
