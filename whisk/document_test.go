package whisk_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quirl/whisk"
)

// empty says that a list without elements may come back as nil.
var empty = cmpopts.EquateEmpty()

func wholeEntities() []whisk.Entity {
	meta := whisk.Meta{
		Namespace: "ns/pkg", Name: "a b&c", Version: whisk.Version{Major: 1, Minor: 2, Patch: 3}, Publish: true, Updated: 1_700_000_000_000,
		Annotations: whisk.Parameters{{Key: `<"ä">`, Value: []byte(`"<&>\u2028"`)}}, Revision: "7",
	}
	parameters := whisk.Parameters{{Key: "a", Value: []byte(`{"b":1.00}`), Init: true}, {Key: "s", Value: []byte(`null`), Encryption: "x"}}
	other := whisk.FullName{Path: "o/p", Name: "n&m"}
	return []whisk.Entity{
		&whisk.Action{
			Meta: meta, Parameters: parameters, Limits: whisk.ActionLimits{Timeout: 1, Memory: 2, Logs: 3, Concurrency: 4, Instances: ptr(0)},
			Exec: whisk.Exec{
				Kind: "k:1", Attachment: &whisk.Attachment{SHA256: "s", Size: 9, Decoded: true}, Binary: true,
				Main: "m", Image: "i", Components: []whisk.FullName{other, other},
			},
		},
		&whisk.Package{Meta: meta, Parameters: parameters, Binding: &whisk.Binding{Namespace: "o", Name: "p"}},
		&whisk.Package{Meta: meta},
		&whisk.Trigger{Meta: meta, Parameters: parameters, Rules: whisk.RuleLinks{{Rule: "ns/s", Action: other, Active: true}, {Rule: "ns/r", Action: other}}},
		&whisk.Trigger{Meta: meta, Rules: whisk.RuleLinks{}},
		&whisk.Rule{Meta: meta, Trigger: other, Action: other},
	}
}

func wholeActivations() []*whisk.Activation {
	start := time.UnixMilli(1_700_000_000_123)
	return []*whisk.Activation{
		{
			Namespace: "ns", Name: "a&b", Version: whisk.FirstVersion(), Subject: `s"ü`, ID: "0123456789abcdef0123456789abcdef",
			Cause: "f123456789abcdef0123456789abcdef", Start: start, End: start.Add(25 * time.Millisecond), Duration: 25,
			Response: whisk.Response{Status: whisk.DeveloperError, Result: []byte(`{"error":"<&>"}`), Size: ptr(12)},
			Logs:     []string{"one", "two\n<&> \u2028 \x00 ü", ""}, Publish: true,
			Annotations: whisk.Parameters{{Key: "path", Value: []byte(`"ns/a&b"`), Init: true, Encryption: "e"}, {Key: "n", Value: []byte("1.50")}},
		},
		{Namespace: "ns", Name: "t", Version: whisk.FirstVersion(), Start: start, Response: whisk.Response{Result: []byte("null")}},
	}
}

func TestEntityDocuments(t *testing.T) {
	for _, want := range wholeEntities() {
		got, err := whisk.DecodeEntity(whisk.EncodeEntity(want), "7")
		if diff := cmp.Diff(want, got, empty); diff != "" || err != nil {
			t.Errorf("%s %s, error %v (-want +got):\n%s", want.Collection(), whisk.EncodeEntity(want), err, diff)
		}
	}
	for _, text := range []string{
		``, `{}`, `null`, `[]`, `{"entityType":"actions","name":"a","version":"0.0.1"}`, `{"entityType":"rules","version":"0.0.1"}`,
		`{"entityType":"nonsense"}`, `{"entityType":"packages","version":"0.0.0"}`, `{"entityType":"triggers","rules":[]}`,
	} {
		got, err := whisk.DecodeEntity([]byte(text), "1")
		if err == nil || whisk.KindOf(err) != whisk.Internal {
			t.Errorf("%s: got %+v, %v; want an internal error", text, got, err)
		}
	}
}

func TestActivationDocuments(t *testing.T) {
	for _, want := range wholeActivations() {
		document := whisk.EncodeActivation(want)
		got, err := whisk.DecodeActivation(document)
		if diff := cmp.Diff(want, got, empty); diff != "" || err != nil {
			t.Errorf("%s, error %v (-want +got):\n%s", document, err, diff)
		}
	}
	if got := whisk.Response(whisk.ErrorResponse(whisk.InternalError, "<x>")); string(got.Result) != `{"error":"<x>"}` || got.Status != whisk.InternalError {
		t.Errorf("error response: got %+v", got)
	}
	for status, want := range []string{"success", "application error", "action developer error", "whisk internal error"} {
		if got := whisk.Status(status).String(); got != want {
			t.Errorf("status %d: got %q, want %q", status, got, want)
		}
	}
}

// TestWrittenByHand compares the encoder of activations with reflection.
func TestWrittenByHand(t *testing.T) {
	for _, a := range wholeActivations() {
		document := whisk.EncodeActivation(a)
		var reference any
		if err := json.Unmarshal(document, &reference); err != nil {
			t.Fatalf("%s: %v", document, err)
		}
	}
	for _, s := range []string{"", "plain", `"\`, "\x00\x1f\x7f", "ü<&>", "\u2028", "\xff\xfe", "a\tb"} {
		if got, want := string(whisk.AppendString(nil, s)), string(whisk.Marshal(s)); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
	if got := string(whisk.Marshal(whisk.Parameters{{Key: "k"}})); got != `[{"key":"k","value":null}]` {
		t.Errorf("a parameter without value: got %s", got)
	}
}

func FuzzDecodeEntity(f *testing.F) {
	for _, e := range wholeEntities() {
		f.Add(whisk.EncodeEntity(e))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		e, err := whisk.DecodeEntity(document, "1")
		if err != nil {
			return
		}
		encoded := whisk.EncodeEntity(e)
		again, err := whisk.DecodeEntity(encoded, "1")
		if !writable(e) {
			return // not written by us; it must not do harm
		}
		if diff := cmp.Diff(e, again, empty, asJSON); diff != "" || err != nil {
			t.Fatalf("%s comes back changed, error %v (-want +got):\n%s", document, err, diff)
		}
	})
}

// writable says whether EncodeEntity could have written e: versions and names
// that nobody can give cannot be read back.
func writable(e whisk.Entity) bool {
	ok := e.Common().Version != whisk.Version{}
	if t, isTrigger := e.(*whisk.Trigger); isTrigger {
		for _, r := range t.Rules {
			ok = ok && r.Action.Name != ""
		}
	}
	return ok
}

// asJSON compares values regardless of white space; absent is null. What is
// empty on both sides is left to empty.
var asJSON = cmp.FilterValues(
	func(a, b json.RawMessage) bool { return len(a)+len(b) > 0 },
	cmp.Comparer(func(a, b json.RawMessage) bool {
		return whisk.IsNull(a) && whisk.IsNull(b) || string(whisk.Compact(a)) == string(whisk.Compact(b))
	}),
)

func FuzzDecodeActivation(f *testing.F) {
	for _, a := range wholeActivations() {
		f.Add(whisk.EncodeActivation(a))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		a, err := whisk.DecodeActivation(document)
		if err != nil {
			return
		}
		a.FilterName()
		again, err := whisk.DecodeActivation(whisk.EncodeActivation(a))
		if (a.Version == whisk.Version{}) {
			return // nobody writes one; it must not do harm
		}
		if diff := cmp.Diff(a, again, empty, asJSON); diff != "" || err != nil {
			t.Fatalf("%s comes back changed, error %v (-want +got):\n%s", document, err, diff)
		}
	})
}
