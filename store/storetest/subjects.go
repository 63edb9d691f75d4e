package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

var subjectCases = []testCase{
	{"subjects are found by key, namespace and name", testSubjects},
	{"a blocked subject is found by its name alone", testBlocked},
	{"a namespace is its next owner's while the first is blocked", testNextOwner},
	{"keys that a subject lost open nothing", testKeysChange},
	{"limits belong to the namespace", testNamespaceLimits},
}

func subject(name string, namespaces ...string) whisk.Subject {
	s := whisk.Subject{Name: name}
	for _, n := range namespaces {
		s.Namespaces = append(s.Namespaces, whisk.SubjectNamespace{Name: n, Key: whisk.NewKey()})
	}
	return s
}

func putSubject(t *testing.T, s store.Subjects, subject whisk.Subject) {
	t.Helper()
	if err := s.PutSubject(t.Context(), subject); err != nil {
		t.Fatalf("put subject %s: %v", subject.Name, err)
	}
}

func testSubjects(t *testing.T, s store.Store) {
	ann, bob := subject("ann", "ann", "shared"), subject("bob", "bob", "shared")
	putSubject(t, s, bob)
	putSubject(t, s, ann)
	for _, who := range []whisk.Subject{ann, bob} {
		if got, err := s.Subject(t.Context(), who.Name); err != nil || !cmp.Equal(*got, who) {
			t.Errorf("subject %s: got %+v, %v; want %+v", who.Name, got, err, who)
		}
		for _, n := range who.Namespaces {
			want := &whisk.Identity{Subject: who.Name, Namespace: n.Name, Key: n.Key}
			got, err := s.Identity(t.Context(), n.UUID)
			if err != nil || !cmp.Equal(got, want) {
				t.Errorf("identity of %s in %s: got %+v, %v; want %+v", who.Name, n.Name, got, err, want)
			}
		}
	}
	for _, tt := range []struct {
		namespace string
		want      whisk.Key
	}{{"bob", bob.Namespaces[0].Key}, {"shared", ann.Namespaces[1].Key}} {
		got, err := s.NamespaceIdentity(t.Context(), tt.namespace)
		if err != nil || got.Key != tt.want || got.Namespace != tt.namespace {
			t.Errorf("identity of namespace %s: got %+v, %v; want key %s", tt.namespace, got, err, tt.want)
		}
	}
	wantNobody(t, s, whisk.NewKey().UUID, "nowhere")
	_, err := s.Subject(t.Context(), "nobody")
	wantError(t, "a subject that is not there", err, store.ErrNotFound)
}

func wantNobody(t *testing.T, s store.Subjects, uuid, namespace string) {
	t.Helper()
	_, err := s.Identity(t.Context(), uuid)
	wantError(t, "identity of key "+uuid, err, store.ErrNotFound)
	if namespace != "" {
		_, err = s.NamespaceIdentity(t.Context(), namespace)
		wantError(t, "identity of namespace "+namespace, err, store.ErrNotFound)
	}
}

func testBlocked(t *testing.T, s store.Store) {
	ann := subject("ann", "ann")
	ann.Blocked = true
	putSubject(t, s, ann)
	wantNobody(t, s, ann.Namespaces[0].UUID, "ann")
	if got, err := s.Subject(t.Context(), "ann"); err != nil || !got.Blocked {
		t.Errorf("a blocked subject by its name: got %+v, %v", got, err)
	}
	ann.Blocked = false
	putSubject(t, s, ann)
	if got, err := s.Identity(t.Context(), ann.Namespaces[0].UUID); err != nil || got.Subject != "ann" {
		t.Errorf("a subject that was unblocked: got %+v, %v", got, err)
	}
}

func testNextOwner(t *testing.T, s store.Store) {
	ann, bob := subject("ann", "shared"), subject("bob", "shared")
	putSubject(t, s, ann)
	putSubject(t, s, bob)
	for _, step := range []struct {
		blocked bool
		want    whisk.Subject
	}{{true, bob}, {false, ann}} {
		ann.Blocked = step.blocked
		putSubject(t, s, ann)
		got, err := s.NamespaceIdentity(t.Context(), "shared")
		if err != nil || got.Subject != step.want.Name || got.Key != step.want.Namespaces[0].Key {
			t.Errorf("owner while ann is blocked %v: got %+v, %v; want %s", step.blocked, got, err, step.want.Name)
		}
	}
}

func testKeysChange(t *testing.T, s store.Store) {
	ann := subject("ann", "ann", "second")
	putSubject(t, s, ann)
	changed := subject("ann", "ann")
	putSubject(t, s, changed)
	wantNobody(t, s, ann.Namespaces[0].UUID, "second")
	wantNobody(t, s, ann.Namespaces[1].UUID, "second")
	if got, err := s.NamespaceIdentity(t.Context(), "ann"); err != nil || got.Key != changed.Namespaces[0].Key {
		t.Errorf("identity after a change of keys: got %+v, %v; want key %s", got, err, changed.Namespaces[0].Key)
	}
	// The secret alone may change too.
	changed.Namespaces[0].Secret = whisk.RandomText(whisk.SecretLength)
	putSubject(t, s, changed)
	if got, err := s.Identity(t.Context(), changed.Namespaces[0].UUID); err != nil || got.Key != changed.Namespaces[0].Key {
		t.Errorf("identity after a change of the secret: got %+v, %v; want key %s", got, err, changed.Namespaces[0].Key)
	}
}

func testNamespaceLimits(t *testing.T, s store.Store) {
	ann, bob := subject("ann", "shared"), subject("bob", "shared", "bob")
	putSubject(t, s, ann)
	putSubject(t, s, bob)
	zero, five, no := 0, 5, false
	for _, limits := range []whisk.NamespaceLimits{
		{InvocationsPerMinute: &zero, FiresPerMinute: &five, AllowedKinds: []string{"nodejs:20"}, StoreActivations: &no, MaxActionMemory: &five},
		{ConcurrentInvocations: &five},
		{},
	} {
		if err := s.PutNamespaceLimits(t.Context(), "shared", limits); err != nil {
			t.Fatal(err)
		}
		for _, uuid := range []string{ann.Namespaces[0].UUID, bob.Namespaces[0].UUID} {
			got, err := s.Identity(t.Context(), uuid)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(limits, got.Limits); diff != "" {
				t.Errorf("limits of %s in shared (-written +read):\n%s", got.Subject, diff)
			}
		}
		got, err := s.NamespaceIdentity(t.Context(), "bob")
		if err != nil || !cmp.Equal(got.Limits, whisk.NamespaceLimits{}) {
			t.Errorf("limits of another namespace: got %+v, %v", got, err)
		}
	}
}
