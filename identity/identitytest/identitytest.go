// Package identitytest checks that a Provider keeps the promises of package identity.
package identitytest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"quirl/identity"
	"quirl/whisk"
)

// An Office is a fresh Provider and how the test changes whom it knows. A change
// may take effect after the Provider's delay; Settle waits for it.
type Office struct {
	Provider identity.Provider
	Put      func(t *testing.T, s whisk.Subject)
	Settle   func()
}

// Run checks a Provider; open must return a fresh one, that knows nobody, on each call.
func Run(t *testing.T, open func(*testing.T) Office) {
	for _, c := range []struct {
		name string
		fn   func(*testing.T, Office)
	}{
		{"the right key proves its namespace", testRightKey},
		{"nothing but the right key is accepted", testWrongKeys},
		{"a blocked subject is refused", testBlocked},
		{"a replaced key is refused", testReplaced},
		{"a namespace has an owner", testOwner},
		{"the owner of a namespace is not blocked", testBlockedOwner},
		{"a further key has its scope, until it expires", testFurtherKeys},
		{"many at once", testMany},
	} {
		t.Run(c.name, func(t *testing.T) { c.fn(t, open(t)) })
	}
}

func ann(namespaces ...string) whisk.Subject {
	s := whisk.Subject{Name: "ann"}
	for _, n := range namespaces {
		s.Namespaces = append(s.Namespaces, whisk.SubjectNamespace{Name: n, Key: whisk.NewKey()})
	}
	return s
}

func authenticate(ctx context.Context, o Office, k whisk.Key) (*whisk.Identity, error) {
	return o.Provider.Authenticate(ctx, identity.Credentials{User: k.UUID, Password: k.Secret})
}

func wantUnknown(t *testing.T, o Office, what string, k whisk.Key) {
	t.Helper()
	if got, err := authenticate(t.Context(), o, k); !errors.Is(err, identity.ErrUnknown) || got != nil {
		t.Errorf("%s: got %+v, %v; want %v", what, got, err, identity.ErrUnknown)
	}
}

func wantKnown(t *testing.T, o Office, subject, namespace string, k whisk.Key) {
	t.Helper()
	got, err := authenticate(t.Context(), o, k)
	if err != nil || got.Subject != subject || got.Namespace != namespace || got.Key != k {
		t.Errorf("key of %s for %s: got %+v, %v", subject, namespace, got, err)
	}
}

func testRightKey(t *testing.T, o Office) {
	s := ann("one", "two")
	o.Put(t, s)
	for range 2 {
		for _, n := range s.Namespaces {
			wantKnown(t, o, "ann", n.Name, n.Key)
		}
	}
}

func testWrongKeys(t *testing.T, o Office) {
	s := ann("one", "two")
	one, two := s.Namespaces[0].Key, s.Namespaces[1].Key
	wantUnknown(t, o, "before there is anybody", one)
	o.Put(t, s)
	o.Settle()
	for range 2 { // what was accepted in between changes nothing
		for what, k := range map[string]whisk.Key{
			"nothing":                    {},
			"no secret":                  {UUID: one.UUID},
			"no uuid":                    {Secret: one.Secret},
			"a stranger":                 whisk.NewKey(),
			"another namespace's secret": {UUID: one.UUID, Secret: two.Secret},
			"a shorter secret":           {UUID: one.UUID, Secret: one.Secret[:63]},
			"a longer secret":            {UUID: one.UUID, Secret: one.Secret + "x"},
			"the secret in another case": {UUID: one.UUID, Secret: swapCase(one.Secret)},
			"a wrong last character":     {UUID: one.UUID, Secret: one.Secret[:63] + "-"},
			"halves exchanged":           {UUID: one.Secret, Secret: one.UUID},
			"the subject's name":         {UUID: "ann", Secret: one.Secret},
		} {
			wantUnknown(t, o, what, k)
		}
		wantKnown(t, o, "ann", "one", one)
	}
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}

func testBlocked(t *testing.T, o Office) {
	s := ann("one")
	o.Put(t, s)
	wantKnown(t, o, "ann", "one", s.Namespaces[0].Key)
	s.Blocked = true
	o.Put(t, s)
	o.Settle()
	wantUnknown(t, o, "a blocked subject", s.Namespaces[0].Key)
	s.Blocked = false
	o.Put(t, s)
	o.Settle()
	wantKnown(t, o, "ann", "one", s.Namespaces[0].Key)
}

func testReplaced(t *testing.T, o Office) {
	s := ann("one")
	old := s.Namespaces[0].Key
	o.Put(t, s)
	wantKnown(t, o, "ann", "one", old)
	fresh := whisk.Key{UUID: old.UUID, Secret: whisk.RandomText(whisk.SecretLength)}
	o.Put(t, whisk.Subject{Name: "ann", Namespaces: []whisk.SubjectNamespace{{Name: "one", Key: fresh}}})
	o.Settle()
	wantUnknown(t, o, "the replaced secret", old)
	wantKnown(t, o, "ann", "one", fresh)
}

func wantOwner(t *testing.T, o Office, namespace, subject string, k whisk.Key) {
	t.Helper()
	got, err := o.Provider.Owner(t.Context(), namespace)
	if err != nil || got.Subject != subject || got.Namespace != namespace || got.Key != k {
		t.Errorf("owner of %s: got %+v, %v; want %s", namespace, got, err, subject)
	}
}

func wantNoOwner(t *testing.T, o Office, what, namespace string) {
	t.Helper()
	if got, err := o.Provider.Owner(t.Context(), namespace); !errors.Is(err, identity.ErrUnknown) || got != nil {
		t.Errorf("owner of %s: got %+v, %v; want %v", what, got, err, identity.ErrUnknown)
	}
}

func testOwner(t *testing.T, o Office) {
	s := ann("one", "two")
	wantNoOwner(t, o, "a namespace before there is anybody", "one")
	o.Put(t, s)
	o.Settle()
	for range 2 {
		for _, n := range s.Namespaces {
			wantOwner(t, o, n.Name, "ann", n.Key)
		}
		wantNoOwner(t, o, "no namespace", "")
		wantNoOwner(t, o, "a subject's name", "ann")
		wantNoOwner(t, o, "a namespace in another case", "One")
		wantNoOwner(t, o, "a key", s.Namespaces[0].UUID)
	}
	o.Put(t, ann("three"))
	o.Settle()
	wantNoOwner(t, o, "a namespace that its subject lost", "one")
}

func testBlockedOwner(t *testing.T, o Office) {
	first, second := ann("shared"), ann("shared")
	second.Name = "bob"
	o.Put(t, first)
	wantOwner(t, o, "shared", "ann", first.Namespaces[0].Key)
	o.Put(t, second)
	first.Blocked = true
	o.Put(t, first)
	o.Settle()
	wantOwner(t, o, "shared", "bob", second.Namespaces[0].Key)
	second.Blocked = true
	o.Put(t, second)
	o.Settle()
	wantNoOwner(t, o, "a namespace whose subjects are blocked", "shared")
}

func testFurtherKeys(t *testing.T, o Office) {
	s := ann("one")
	now := time.Now()
	keys := []whisk.AccessKey{
		{Key: whisk.NewKey(), Name: "reader", Scope: whisk.ReadScope},
		{Key: whisk.NewKey(), Name: "soon gone", Scope: whisk.InvokeScope, Expires: now.Add(time.Second).UnixMilli()},
		{Key: whisk.NewKey(), Name: "gone", Expires: now.Add(-time.Second).UnixMilli()},
	}
	s.Namespaces[0].Keys = keys
	o.Put(t, s)
	wantKnown(t, o, "ann", "one", s.Namespaces[0].Key)
	for _, k := range keys[:2] {
		if got, err := authenticate(t.Context(), o, k.Key); err != nil || got.Namespace != "one" || got.Scope != k.Scope {
			t.Errorf("key %q: got %+v, %v; want scope %q", k.Name, got, err, k.Scope)
		}
	}
	wantUnknown(t, o, "an expired key", keys[2].Key)
	wantUnknown(t, o, "another key's secret", whisk.Key{UUID: keys[0].UUID, Secret: keys[1].Secret})
	wantOwner(t, o, "one", "ann", s.Namespaces[0].Key)
	time.Sleep(time.Until(now.Add(time.Second)))
	wantUnknown(t, o, "a key that expired meanwhile", keys[1].Key)
	s.Namespaces[0].Keys = keys[1:]
	o.Put(t, s)
	o.Settle()
	wantUnknown(t, o, "a revoked key", keys[0].Key)
}

func testMany(t *testing.T, o Office) {
	s := ann("one", "two", "three")
	o.Put(t, s)
	var wg sync.WaitGroup
	for i := range 12 {
		n := s.Namespaces[i%3]
		wg.Go(func() {
			for range 20 {
				wantKnown(t, o, "ann", n.Name, n.Key)
				wantOwner(t, o, n.Name, "ann", n.Key)
				wantUnknown(t, o, "a stranger", whisk.Key{UUID: n.UUID, Secret: whisk.RandomText(whisk.SecretLength)})
			}
		})
	}
	wg.Wait()
}
