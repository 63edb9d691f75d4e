package dispatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/composer"
	"quirl/store"
	"quirl/whisk"
)

// FuzzDecodeRun reads what the journal may hold of a sequence or a composition:
// what is taken can be continued, and is written again as it was read.
func FuzzDecodeRun(f *testing.F) {
	caller := whisk.Identity{Subject: "ann", Namespace: "ns", Key: whisk.NewKey()}
	doc := runDocument{
		Composition: "0123456789abcdef0123456789abcdef", TID: "tid", Received: time.UnixMilli(1_700_000_000_000).UTC(), Caller: &caller,
		Ref: whisk.FullName{Path: "ns", Name: "s"}, Payload: []byte(`{"x":1}`),
	}
	f.Add(whisk.Marshal(doc))
	doc.Machine, doc.Payload = composer.New("ns", "ann", 3), nil
	target := composer.Target{
		Kind: composer.Sequence, Ref: doc.Ref, Name: doc.Ref, Version: whisk.FirstVersion(), Components: []whisk.FullName{doc.Ref, doc.Ref},
	}
	newID := func() whisk.ActivationID { return "f123456789abcdef0123456789abcdef" }
	doc.Machine.Step(composer.Started{ID: doc.Composition, Target: target, Input: []byte(`{"x":1}`)}, doc.Received, newID)
	target.Kind = composer.Primitive
	doc.Machine.Step(composer.Found{Target: target}, doc.Received, newID)
	f.Add(whisk.Marshal(doc))
	f.Add([]byte(`{"composition":"1","caller":{},"machine":{"frames":[null]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, ok := decodeRun(store.JournalEntry{Message: text})
		if !ok {
			return
		}
		written := (&run{d: &Dispatcher{}, doc: doc}).entry()
		again, ok := decodeRun(written)
		if !ok || string((&run{d: &Dispatcher{}, doc: again}).entry().Message) != string(written.Message) {
			t.Fatalf("%s is written as %s, which is read as %+v, %v", text, written.Message, again, ok)
		}
		if doc.Machine == nil {
			return
		}
		effects := doc.Machine.Step(composer.Lost{ID: doc.Machine.Awaiting}, time.UnixMilli(1_700_000_000_000), newID)
		if len(effects) == 0 {
			t.Fatalf("a run that goes on from %s wants nothing", text)
		}
		if diff := cmp.Diff(doc.Composition, written.ID); diff != "" {
			t.Fatalf("the entry of %s has another id (-want +got):\n%s", text, diff)
		}
	})
}
