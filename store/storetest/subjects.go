package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

var subjectCases = []testCase{
	{"subjects are found by key, namespace and name", testSubjects},
	{"a blocked subject is found by its name alone", testBlocked},
	{"a namespace is its next owner's while the first is blocked", testNextOwner},
	{"keys that a subject lost open nothing", testKeysChange},
	{"a namespace has further keys", testFurtherKeys},
	{"limits belong to the namespace", testNamespaceLimits},
	{"subjects are listed and deleted", testSubjectsListed},
	{"limits are read and deleted", testLimitsRead},
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

func testFurtherKeys(t *testing.T, s store.Store) {
	ann := subject("ann", "ann", "second")
	ann.Namespaces[0].Keys = []whisk.AccessKey{
		{Key: whisk.NewKey(), Name: "reader", Scope: whisk.ReadScope, Created: noon},
		{Key: whisk.NewKey(), Name: "for a time", Scope: whisk.InvokeScope, Created: noon, Expires: noon + 1000},
	}
	putSubject(t, s, ann)
	five := 5
	limits := whisk.NamespaceLimits{FiresPerMinute: &five}
	if err := s.PutNamespaceLimits(t.Context(), "ann", limits); err != nil {
		t.Fatal(err)
	}
	keys := ann.Namespaces[0].Keys
	for _, want := range []*whisk.Identity{
		{Subject: "ann", Namespace: "ann", Key: ann.Namespaces[0].Key, Limits: limits},
		{Subject: "ann", Namespace: "ann", Key: keys[0].Key, Scope: whisk.ReadScope, Limits: limits},
		{Subject: "ann", Namespace: "ann", Key: keys[1].Key, Scope: whisk.InvokeScope, Expires: time.UnixMilli(noon + 1000), Limits: limits},
		{Subject: "ann", Namespace: "second", Key: ann.Namespaces[1].Key},
	} {
		got, err := s.Identity(t.Context(), want.Key.UUID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("identity, %v (-want +got):\n%s", err, diff)
		}
	}
	if got, err := s.NamespaceIdentity(t.Context(), "ann"); err != nil || got.Key != ann.Namespaces[0].Key || got.Scope != whisk.AllScope {
		t.Errorf("owner: got %+v, %v; want the namespace's own key", got, err)
	}
	wantNobody(t, s, whisk.NewKey().UUID, "")
	_, err := s.NamespaceIdentity(t.Context(), "")
	wantError(t, "the owner of no namespace", err, store.ErrNotFound)
	if got, err := s.Subject(t.Context(), "ann"); err != nil || !cmp.Equal(*got, ann) {
		t.Errorf("subject: got %+v, %v; want %+v", got, err, ann)
	}
	ann.Namespaces[0].Keys = keys[1:]
	putSubject(t, s, ann)
	wantNobody(t, s, keys[0].UUID, "")
	ann.Blocked = true
	putSubject(t, s, ann)
	wantNobody(t, s, keys[1].UUID, "")
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

func testSubjectsListed(t *testing.T, s store.Store) {
	if got, err := s.Subjects(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("of an empty store: %+v, %v", got, err)
	}
	want := []whisk.Subject{subject("Zoe", "z"), subject("ann", "a", "b"), subject("bob")}
	want[1].Blocked = true
	for _, i := range []int{2, 0, 1} {
		putSubject(t, s, want[i])
	}
	got, err := s.Subjects(t.Context())
	if diff := cmp.Diff(want, got, none); err != nil || diff != "" {
		t.Errorf("subjects, %v (-want +got):\n%s", err, diff)
	}
	key := want[0].Namespaces[0].UUID
	for range 2 {
		err := s.DeleteSubject(t.Context(), "Zoe")
		if _, present := s.Subject(t.Context(), "Zoe"); !errors.Is(present, store.ErrNotFound) {
			t.Errorf("after its deletion (%v) a subject is there: %v", err, present)
		}
		wantNobody(t, s, key, "z")
	}
	wantError(t, "delete what is not there", s.DeleteSubject(t.Context(), "Zoe"), store.ErrNotFound)
	if got, err := s.Subjects(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("after a deletion: %+v, %v", got, err)
	}
}

func testLimitsRead(t *testing.T, s store.Store) {
	_, err := s.NamespaceLimits(t.Context(), "ns")
	wantError(t, "read what is not there", err, store.ErrNotFound)
	five := 5
	want := whisk.NamespaceLimits{InvocationsPerMinute: &five, AllowedKinds: []string{"nodejs:20"}}
	if err := s.PutNamespaceLimits(t.Context(), "ns", want); err != nil {
		t.Fatal(err)
	}
	got, err := s.NamespaceLimits(t.Context(), "ns")
	if err != nil || !cmp.Equal(*got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if err := s.DeleteNamespaceLimits(t.Context(), "ns"); err != nil {
		t.Error(err)
	}
	wantError(t, "delete what is not there", s.DeleteNamespaceLimits(t.Context(), "ns"), store.ErrNotFound)
	_, err = s.NamespaceLimits(t.Context(), "ns")
	wantError(t, "read what was deleted", err, store.ErrNotFound)
}
