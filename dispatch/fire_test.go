package dispatch_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"quirl/dispatch"
	"quirl/whisk"
)

func (p *platform) fire(t *testing.T, trigger *whisk.Trigger, payload string) (whisk.ActivationID, error) {
	t.Helper()
	if p.caller == nil {
		p.caller = call(false, nil).Caller
	}
	return p.Fire(t.Context(), dispatch.Firing{
		Caller: p.caller, TID: "tid", Received: time.Now(), Trigger: trigger, Headers: []byte(`{"foo":"bar"}`), Payload: []byte(payload),
	})
}

// trigger has rules r0, r1, … to the actions; a name with a dash in front is of an inactive one.
func trigger(actions ...string) *whisk.Trigger {
	tr := &whisk.Trigger{
		Meta:       whisk.Meta{Namespace: "ns", Name: "t", Version: whisk.Version{Patch: 7}},
		Parameters: whisk.Parameters{{Key: "p", Value: []byte(`"trigger"`)}, {Key: "q", Value: []byte(`"trigger"`)}},
	}
	for i, name := range actions {
		inactive := strings.HasPrefix(name, "-")
		tr.Rules = tr.Rules.With(whisk.RuleLink{
			Rule: "ns/r" + string(rune('0'+i)), Action: whisk.FullName{Path: "ns", Name: strings.TrimPrefix(name, "-")}, Active: !inactive,
		})
	}
	return tr
}

func TestFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a")
		final := p.define("final")
		final.Annotations = whisk.Parameters{}.WithValue("final", true)
		final.Parameters = whisk.Parameters{{Key: "q", Value: []byte("1")}}
		id, err := p.fire(t, trigger("s", "gone", "-a", "final", "a"), `{"q":2}`)
		if err != nil || id == "" {
			t.Fatalf("got %q, %v", id, err)
		}
		synctest.Wait()
		contents := map[string]bool{}
		for range 2 {
			m := p.serveOne(t, `{}`)
			contents[string(m.Content)] = true
			if m.Cause == id {
				t.Errorf("an action that a rule started has the trigger's activation as its cause")
			}
		}
		if want := `{"p":"trigger","q":2,"__ow_headers":{"foo":"bar"}}`; len(contents) != 1 || !contents[want] {
			t.Errorf("the actions got %v, want %s", contents, want)
		}
		record := p.wantRecord(t, id, whisk.Success, `{"q":2}`)
		if record.Name != "t" || record.Version.Patch != 7 || !record.End.IsZero() || len(record.Annotations) != 0 {
			t.Errorf("record: got %+v", record)
		}
		ids := func(i int) string { // of the activation that entry i names
			_, after, _ := strings.Cut(record.Logs[i], `"activationId":"`)
			return after[:min(32, len(after))]
		}
		want := []string{
			`{"statusCode":0,"success":true,"activationId":"` + ids(0) + `","rule":"ns/r0","action":"ns/s"}`,
			`{"statusCode":1,"success":false,"rule":"ns/r1","error":"The requested resource does not exist.","action":"ns/gone"}`,
			`{"statusCode":1,"success":false,"rule":"ns/r2","error":"Rule 'ns/r2' is inactive, action 'ns/a' was not activated.","action":"ns/a"}`,
			`{"statusCode":1,"success":false,"rule":"ns/r3","error":"Request defines parameters that are not allowed (e.g., reserved properties).","action":"ns/final"}`,
			`{"statusCode":0,"success":true,"activationId":"` + ids(4) + `","rule":"ns/r4","action":"ns/a"}`,
		}
		if !slices.Equal(record.Logs, want) {
			t.Errorf("got  %q\nwant %q", record.Logs, want)
		}
		p.wantRecord(t, whisk.ActivationID(ids(0)), whisk.Success, `{}`)
		p.wantJournal(t)
		p.wantInFlight(t, 0)
	})
}

func TestFireWithoutActiveRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		for _, tr := range []*whisk.Trigger{trigger(), trigger("-a", "-b")} {
			if id, err := p.fire(t, tr, `{}`); id != "" || err != nil {
				t.Errorf("got %q, %v; want nothing", id, err)
			}
		}
		p.wantNoRecords(t)
	})
}

// TestFireIsAllOrNothing: when the journal cannot be written nothing runs.
func TestFireIsAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a")
		p.memory.full = errors.New("disk is full")
		if id, err := p.fire(t, trigger("a", "s", "a"), `{}`); !errors.Is(err, p.memory.full) || id != "" {
			t.Errorf("got %q, %v; want %v", id, err, p.memory.full)
		}
		time.Sleep(time.Hour)
		p.wantInFlight(t, 0)
		p.wantNoRecords(t)
	})
}

// TestFireSurvivesALoss: all that was answered for is there after the loss.
func TestFireSurvivesALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a")
		id, err := p.fire(t, trigger("a", "s"), `{"n":1}`)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p = p.lost(t)
		p.recover(t)
		for range 2 {
			p.serveOne(t, `{"done":true}`)
		}
		record := p.wantRecord(t, id, whisk.Success, `{"n":1}`)
		for _, entry := range record.Logs {
			_, after, _ := strings.Cut(entry, `"activationId":"`)
			p.wantRecord(t, whisk.ActivationID(after[:32]), whisk.Success, `{"done":true}`)
		}
		p.wantJournal(t)
	})
}

// TestFireOnAFullBus: the rules that found no room are told of in the log.
func TestFireOnAFullBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 1)
		p.define("a")
		id, err := p.fire(t, trigger("a", "a"), `{}`)
		if err != nil {
			t.Fatal(err)
		}
		p.serveOne(t, `{}`)
		record := p.wantRecord(t, id, whisk.Success, `{}`)
		if !strings.Contains(record.Logs[0], `"success":true`) || !strings.Contains(record.Logs[1], `"statusCode":1,"success":false`) ||
			!strings.Contains(record.Logs[1], "Too many requests are waiting") {
			t.Errorf("got %q", record.Logs)
		}
		p.wantJournal(t)
		p.wantInFlight(t, 0)
	})
}

// TestFireCountsAgainstTheCallersLimits: each rule is a call of its own.
func TestFireCountsAgainstTheCallersLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 100)
		p.define("a")
		names := slices.Repeat([]string{"a"}, 9)
		refused := 0
		for range 8 { // 72 calls; the limits are 60 a minute and 30 at once
			id, err := p.fire(t, trigger(names...), `{}`)
			if err != nil {
				t.Fatal(err)
			}
			p.flush(t)
			for _, entry := range p.memory.found()[id].Logs {
				if strings.Contains(entry, "Too many") && strings.Contains(entry, `"statusCode":1`) {
					refused++
				}
			}
		}
		if refused != 42 {
			t.Errorf("%d of 72 calls were refused, want 42: 30 may be in flight", refused)
		}
	})
}
