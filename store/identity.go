package store

import (
	"encoding/json"

	"quirl/whisk"
)

// IdentityByKey finds the identity of a key in its subject's document, without limits;
// ErrNotFound when the subject is blocked or has no such key.
func IdentityByKey(subject []byte, uuid string) (*whisk.Identity, error) {
	return identityIn(subject, func(s *whisk.Subject) *whisk.Identity { return s.ByKey(uuid) })
}

// IdentityOfOwner finds in a subject's document its identity in a namespace, likewise.
func IdentityOfOwner(subject []byte, namespace string) (*whisk.Identity, error) {
	return identityIn(subject, func(s *whisk.Subject) *whisk.Identity { return s.Owner(namespace) })
}

func identityIn(document []byte, find func(*whisk.Subject) *whisk.Identity) (*whisk.Identity, error) {
	var s whisk.Subject
	if err := json.Unmarshal(document, &s); err != nil {
		return nil, err
	}
	if id := find(&s); id != nil && !s.Blocked {
		return id, nil
	}
	return nil, ErrNotFound
}

// EachKey calls each for the keys of a subject, as tables that find subjects by keys have them:
// the namespace is empty for all but its own key.
func EachKey(s whisk.Subject, each func(uuid, namespace string) error) error {
	for _, n := range s.Namespaces {
		if err := each(n.UUID, n.Name); err != nil {
			return err
		}
		for _, k := range n.Keys {
			if err := each(k.UUID, ""); err != nil {
				return err
			}
		}
	}
	return nil
}
