package whisk_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/whisk"
)

func TestRuleLinks(t *testing.T) {
	a, b := whisk.FullName{Path: "ns", Name: "a"}, whisk.FullName{Path: "ns/p", Name: "b"}
	var none whisk.RuleLinks
	links := none.With(whisk.RuleLink{Rule: "ns/z", Action: a, Active: true}).With(whisk.RuleLink{Rule: "ns/b", Action: b})
	const text = `{"ns/z":{"action":{"path":"ns","name":"a"},"status":"active"},"ns/b":{"action":{"path":"ns/p","name":"b"},"status":"inactive"}}`
	if got := string(whisk.Marshal(links)); got != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
	var back whisk.RuleLinks
	if err := json.Unmarshal([]byte(text), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(links, back); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	replaced := links.With(whisk.RuleLink{Rule: "ns/z", Action: b})
	if replaced[0].Action != b || replaced[0].Active || len(replaced) != 2 || links[0].Action != a {
		t.Errorf("With in place: got %+v, and the original is %+v", replaced, links)
	}
	left := links.Without("ns/z")
	if len(left) != 1 || left.Find("ns/z") != nil || left.Find("ns/b") == nil || len(links) != 2 {
		t.Errorf("Without: got %+v, and the original is %+v", left, links)
	}
}

// TestTriggerKeepsAnEmptySet: OpenWhisk shows "rules": {} after the last rule went.
func TestTriggerKeepsAnEmptySet(t *testing.T) {
	for _, rules := range []whisk.RuleLinks{nil, {}, {{Rule: "ns/r"}}} {
		trigger := &whisk.Trigger{Meta: whisk.Meta{Namespace: "ns", Name: "t", Version: whisk.FirstVersion()}, Rules: rules}
		e, err := whisk.DecodeEntity(whisk.EncodeEntity(trigger), "1")
		if err != nil {
			t.Fatal(err)
		}
		if got := e.(*whisk.Trigger).Rules; (got == nil) != (rules == nil) || len(got) != len(rules) {
			t.Errorf("rules %#v come back as %#v", rules, got)
		}
	}
}

func FuzzRuleLinks(f *testing.F) {
	f.Add([]byte(`{"ns/z":{"action":{"path":"ns","name":"a"},"status":"active"},"ns/b":{"action":{"path":"ns/p","name":"b"},"status":"inactive"}}`))
	f.Add([]byte(`{"a":{},"a":{"action":{}}}`))
	f.Add([]byte(`{"":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var links, again whisk.RuleLinks
		if json.Unmarshal(text, &links) != nil {
			return
		}
		written := whisk.Marshal(links)
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s is written as %s, which cannot be read: %v", text, written, err)
		}
		if diff := cmp.Diff(links, again, empty); diff != "" {
			t.Fatalf("%s comes back changed (-want +got):\n%s", text, diff)
		}
		for _, l := range links {
			if links.Find(l.Rule) == nil || links.Without(l.Rule).Find(l.Rule) != nil {
				t.Fatalf("%s: rule %q is not found, or stays", text, l.Rule)
			}
		}
	})
}
