package composer_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quirl/composer"
	"quirl/whisk"
)

// events are what a byte of a script means.
func event(b byte, awaiting whisk.ActivationID) composer.Event {
	kinds := []composer.Kind{composer.Primitive, composer.Sequence, composer.Composition}
	results := []string{`{}`, `{"error":1}`, `[1]`, ``, `1`, `{"action":"a","params":[1],"state":2}`, `{"action":1}`, `{"params":{"x":1}}`}
	target := composer.Target{Kind: kinds[b%3], Ref: fullName("t"), Name: fullName("t"), Version: whisk.FirstVersion()}
	for range b >> 3 % 4 {
		target.Components = append(target.Components, fullName("t"))
	}
	switch b % 8 {
	case 0:
		target.Kind = kinds[1+b>>6%2]
		return composer.Started{ID: "started", Target: target, Input: []byte(`{"x":1}`)}
	case 1, 2:
		return composer.Found{Target: target}
	case 3:
		return composer.NotFound{Name: fullName("t")}
	case 4:
		return composer.NotAllowed{Name: fullName("t")}
	case 5:
		return composer.Lost{ID: awaiting}
	case 6:
		return composer.Failed{}
	}
	return composer.Ended{ID: awaiting, Response: whisk.Response{Result: []byte(results[b>>3%8])}, Duration: 3, Memory: 256}
}

// FuzzStep tells a machine that was read from a document whatever comes, in any
// order: it asks one question at a time, and is the same after it was stored.
func FuzzStep(f *testing.F) {
	script := []byte{1, 7, 2, 15, 1, 3, 23, 47, 4, 5, 6, 7, 7, 9, 17, 25}
	f.Add([]byte(`{"namespace":"ns","subject":"ann","limit":3,"frames":[{"id":"1","target":{"kind":"sequence","ref":"/ns/s","name":"/ns/s","version":"0.0.1","components":["/ns/a","/ns/b"]}}]}`), script)
	f.Add([]byte(`{"limit":2,"frames":[{"id":"1","target":{"kind":"composition","ref":"/ns/p/c","name":"/ns/q/c","version":"0.0.1"},"conducting":true,"state":{"k":1}},{"id":"2","target":{"kind":"sequence","ref":"/ns/s","name":"/ns/s","version":"0.0.1","components":["/ns/a"]},"input":[1]}],"awaiting":"3"}`), script)
	f.Add([]byte(`{"limit":-1,"frames":[null,{"at":-1}]}`), script)
	f.Fuzz(func(t *testing.T, document, script []byte) {
		m := new(composer.Machine)
		if json.Unmarshal(document, m) != nil || m.Check() != nil {
			return
		}
		ids := 0
		newID := func() whisk.ActivationID { ids++; return whisk.ActivationID(strconv.Itoa(ids)) }
		for _, b := range script {
			effects := m.Step(event(b, m.Awaiting), time.UnixMilli(1_700_000_000_000).UTC(), newID)
			checkEffects(t, m, effects)
			if m.Done() {
				break
			}
			if err := m.Check(); err != nil {
				t.Fatalf("a step on %s leaves a machine that cannot be stored: %v", document, err)
			}
			stored := whisk.Marshal(m)
			again := new(composer.Machine)
			if err := json.Unmarshal(stored, again); err != nil {
				t.Fatalf("%s cannot be read: %v", stored, err)
			}
			if diff := cmp.Diff(stored, whisk.Marshal(again), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("a machine comes back changed (-want +got):\n%s", diff)
			}
			m = again
		}
	})
}

// checkEffects wants at most one question, at the end, and one while work is left.
func checkEffects(t *testing.T, m *composer.Machine, effects []composer.Effect) {
	t.Helper()
	for i, e := range effects {
		last := i == len(effects)-1
		switch e := e.(type) {
		case composer.Find:
			if !last {
				t.Fatalf("a question is not the last of %+v", effects)
			}
		case composer.Run:
			if !last || m.Awaiting != e.ID {
				t.Fatalf("an activation is not the last of %+v, or not %q, which is awaited", effects, m.Awaiting)
			}
		default:
			if last && !m.Done() {
				t.Fatalf("work is left, and nothing is asked: %+v", effects)
			}
		}
	}
}
