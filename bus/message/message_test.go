package message_test

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quirl/bus"
	"quirl/bus/message"
	"quirl/whisk"
)

var empty = cmpopts.EquateEmpty()

func activation() *message.Activation {
	five, no := 5, false
	return &message.Activation{
		ID: "0123456789abcdef0123456789abcdef", TID: "tid", Received: time.UnixMilli(1_700_000_000_001),
		Action: whisk.FullName{Path: "o/p", Name: "a&b"}, Version: whisk.Version{Major: 1, Minor: 2, Patch: 3}, Revision: "7", Binding: "ns/bound",
		User: &whisk.Identity{
			Subject: "ann", Namespace: "ns", Key: whisk.Key{UUID: "23bc46b1-71f6-4ed5-8c54-816aa4f8c502", Secret: "secret:with:colons"},
			Limits: whisk.NamespaceLimits{InvocationsPerMinute: &five, StoreActivations: &no, AllowedKinds: []string{"k"}},
		},
		Blocking: true, Content: []byte(`{"b":1.00,"a":"<&>"}`), InitNames: []string{"b"}, Cause: "f123456789abcdef0123456789abcdef",
		Controller: 3, Deadline: time.UnixMilli(1_700_000_060_001), Journaled: true, ExtraLogging: true,
	}
}

func record() *whisk.Activation {
	return &whisk.Activation{
		Namespace: "ns", Name: "a", Version: whisk.FirstVersion(), Subject: "ann", ID: "0123456789abcdef0123456789abcdef",
		Start: time.UnixMilli(1_700_000_000_002), End: time.UnixMilli(1_700_000_000_009), Duration: 7,
		Response: whisk.Response{Result: []byte(`{"a":1}`)}, Annotations: whisk.Parameters{}.WithValue("kind", "k"),
	}
}

func TestActivation(t *testing.T) {
	plain := &message.Activation{
		ID: "1", Received: time.UnixMilli(0), Deadline: time.UnixMilli(0), Action: whisk.FullName{Path: "ns", Name: "a"}, Version: whisk.FirstVersion(),
		User: &whisk.Identity{Subject: "ann", Namespace: "ns", Key: whisk.NewKey()},
	}
	for _, want := range []*message.Activation{activation(), plain} {
		got, err := message.AsActivation(bus.Raw(want.Encode()))
		if diff := cmp.Diff(want, got, empty); diff != "" || err != nil {
			t.Errorf("%s, error %v (-want +got):\n%s", want.Encode(), err, diff)
		}
		if same, err := message.AsActivation(want); same != want || err != nil {
			t.Errorf("a message that was not encoded: got %p, %v; want %p itself", same, err, want)
		}
	}
}

func TestPing(t *testing.T) {
	want := &message.Ping{Invoker: 3, Name: "host", Life: "abc", MemoryMB: 2048, Enabled: true}
	const wire = `{"name":{"instance":3,"uniqueName":"abc","displayedName":"host","userMemory":"2048 MB","instanceType":"invoker","tags":[],"dedicatedNamespaces":[]},"isEnabled":true}`
	if got := string(want.Encode()); got != wire {
		t.Errorf("got %s, want %s", got, wire)
	}
	if got, err := message.AsPing(bus.Raw(wire)); err != nil || *got != *want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "{}", `{"name":{"instance":1,"userMemory":"much"}}`} {
		if got, err := message.AsPing(bus.Raw(bad)); err == nil {
			t.Errorf("%s was taken for %+v", bad, got)
		}
	}
}

func TestAck(t *testing.T) {
	for _, want := range []*message.Ack{
		{ID: record().ID, TID: "tid", Activation: record()},
		{ID: record().ID, TID: "tid", Activation: record(), Done: true, Invoker: 4},
		{ID: record().ID, TID: "tid", Stored: true},
		{ID: record().ID, TID: "tid", HandedBack: true, Done: true, Invoker: 4},
		{ID: record().ID, TID: "tid", Stored: true, Done: true, Invoker: 4, SystemError: true},
		{ID: record().ID, TID: "tid", Done: true, SystemError: true, Invoker: 0},
	} {
		got, err := message.AsAck(bus.Raw(want.Encode()))
		if diff := cmp.Diff(want, got, empty); diff != "" || err != nil {
			t.Errorf("%s, error %v (-want +got):\n%s", want.Encode(), err, diff)
		}
		if same, err := message.AsAck(want); same != want || err != nil {
			t.Errorf("a message that was not encoded: got %p, %v; want %p itself", same, err, want)
		}
	}
}

// TestShapes holds the encoded messages against the members that OpenWhisk's have.
func TestShapes(t *testing.T) {
	const response = `{"namespace":"ns","name":"a","version":"0.0.1","subject":"ann","activationId":"0123456789abcdef0123456789abcdef",
		"start":1700000000002,"end":1700000000009,"duration":7,"response":{"statusCode":0,"result":{"a":1}},"logs":[],"publish":false,
		"annotations":[{"key":"kind","value":"k"}]}`
	for _, tt := range []struct {
		name string
		m    bus.Message
		want string
	}{
		{"activation", activation(), `{
			"transid":["tid",1700000000001,true],
			"action":{"path":"o/p","name":"a&b","version":"1.2.3","binding":"ns/bound"},
			"revision":"7",
			"user":{"subject":"ann","namespace":{"name":"ns","uuid":"23bc46b1-71f6-4ed5-8c54-816aa4f8c502"},
				"authkey":{"api_key":"23bc46b1-71f6-4ed5-8c54-816aa4f8c502:secret:with:colons"},"rights":["READ","PUT","DELETE","ACTIVATE"],
				"limits":{"invocationsPerMinute":5,"storeActivations":false,"allowedKinds":["k"]}},
			"activationId":"0123456789abcdef0123456789abcdef",
			"rootControllerIndex":{"asString":"3","instanceType":"controller"},
			"blocking":true,"content":{"b":1.00,"a":"<&>"},"initArgs":["b"],"lockedArgs":{},"cause":"f123456789abcdef0123456789abcdef",
			"deadline":1700000060001,"journaled":true}`},
		{"result", &message.Ack{ID: record().ID, TID: "tid", Activation: record()}, `{"transid":["tid",0],"response":` + response + `}`},
		{"combined", &message.Ack{ID: record().ID, TID: "tid", Activation: record(), Done: true, Invoker: 1},
			`{"transid":["tid",0],"response":` + response + `,"instance":{"instance":1,"instanceType":"invoker"}}`},
		{"completion", &message.Ack{ID: record().ID, TID: "tid", Done: true, SystemError: true},
			`{"transid":["tid",0],"activationId":"0123456789abcdef0123456789abcdef","isSystemError":true,"instance":{"instance":0,"instanceType":"invoker"}}`},
	} {
		var got, want any
		if err := json.Unmarshal(tt.m.Encode(), &got); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
			t.Fatalf("%s: the test's own text: %v", tt.name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestOpenWhiskMessages reads what OpenWhisk's own processes send.
func TestOpenWhiskMessages(t *testing.T) {
	got, err := message.AsActivation(bus.Raw(`{"transid":["x",1700000000001,true],"action":{"path":"ns","name":"a","version":"0.0.2"},"revision":null,
		"user":{"subject":"ann","namespace":{"name":"ns","uuid":"u"},"authkey":{"api_key":"23bc46b1-71f6-4ed5-8c54-816aa4f8c502:s"},"rights":["READ"],"limits":{}},
		"activationId":"0123456789abcdef0123456789abcdef","rootControllerIndex":{"asString":"1","instanceType":"controller"},
		"blocking":false,"initArgs":[],"lockedArgs":{"p":"aes-256"},"traceContext":{"a":"b"}}`))
	if err != nil || got.TID != "x" || got.Controller != 1 || got.Content != nil || got.User.Key.Secret != "s" || got.Received.UnixMilli() != 1_700_000_000_001 {
		t.Errorf("activation: got %+v, %v", got, err)
	}
	ack, err := message.AsAck(bus.Raw(`{"transid":["x",1],"activationId":"0123456789abcdef0123456789abcdef","isSystemError":false,
		"instance":{"instance":2,"userMemory":"2048 MB","uniqueName":"n","instanceType":"invoker","tags":[],"dedicatedNamespaces":[]}}`))
	want := &message.Ack{ID: record().ID, TID: "x", Done: true, Invoker: 2}
	if diff := cmp.Diff(want, ack); diff != "" || err != nil {
		t.Errorf("completion, error %v (-want +got):\n%s", err, diff)
	}
}

func TestDecodersRefuse(t *testing.T) {
	for _, text := range []string{``, `null`, `{}`, `[]`, `{"activationId":"x"}`, `{"action":{"name":"a"}}`, `{"transid":1}`, `{"response":{}}`, `{"response":1}`} {
		if got, err := message.AsActivation(bus.Raw(text)); err == nil {
			t.Errorf("%s as activation: got %+v, no error", text, got)
		}
		if text == `{"activationId":"x"}` {
			continue // an acknowledgement of nothing
		}
		if got, err := message.AsAck(bus.Raw(text)); err == nil {
			t.Errorf("%s as acknowledgement: got %+v, no error", text, got)
		}
	}
}

func TestTopics(t *testing.T) {
	if got := message.InvokerTopic(3) + " " + message.CompletedTopic(12); got != "invoker3 completed12" {
		t.Errorf("got %s", got)
	}
}

// asJSON compares values regardless of white space; absent is null. What is
// empty on both sides is left to empty.
var asJSON = cmp.FilterValues(
	func(a, b json.RawMessage) bool { return len(a)+len(b) > 0 },
	cmp.Comparer(func(a, b json.RawMessage) bool {
		return whisk.IsNull(a) && whisk.IsNull(b) || string(whisk.Compact(a)) == string(whisk.Compact(b))
	}),
)

var uuid = regexp.MustCompile(`^[0-9a-f-]{36}$`)

func FuzzAsActivation(f *testing.F) {
	f.Add(activation().Encode())
	f.Add([]byte(`{"transid":["x",1e300,true],"action":{"path":"ns","name":"a"},"activationId":"1","user":{"authkey":{"api_key":"short"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := message.AsActivation(bus.Raw(text))
		if err != nil {
			return
		}
		again, err := message.AsActivation(bus.Raw(m.Encode()))
		if (m.Version == whisk.Version{}) || !uuid.MatchString(m.User.Key.UUID) || m.User.Key.Secret == "" || m.Received.UnixMilli() > 1<<50 || m.Received.UnixMilli() < -1<<50 {
			return // nobody sends these; they must not do harm
		}
		if m.Received.IsZero() { // an activation without the time of its request
			again.Received = m.Received
		}
		if diff := cmp.Diff(m, again, empty, asJSON); diff != "" || err != nil {
			t.Fatalf("%s comes back changed, error %v (-want +got):\n%s", text, err, diff)
		}
	})
}

func FuzzAsAck(f *testing.F) {
	f.Add((&message.Ack{ID: record().ID, TID: "tid", Activation: record(), Done: true, Invoker: 1}).Encode())
	f.Add((&message.Ack{ID: record().ID, TID: "tid", Done: true, SystemError: true}).Encode())
	f.Add([]byte(`{"response":{"activationId":"1"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := message.AsAck(bus.Raw(text))
		if err != nil {
			return
		}
		again, err := message.AsAck(bus.Raw(a.Encode()))
		if a.Activation != nil && (a.Activation.Version == whisk.Version{}) {
			return // nobody sends one; it must not do harm
		}
		if diff := cmp.Diff(a, again, empty, asJSON); diff != "" || err != nil {
			t.Fatalf("%s comes back changed, error %v (-want +got):\n%s", text, err, diff)
		}
	})
}
