package whisk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quirl/whisk"
)

func parse(t *testing.T, text string) whisk.Parameters {
	t.Helper()
	ps, err := whisk.ParseParameters([]byte(text))
	if err != nil {
		t.Fatalf("parameters %s: %v", text, err)
	}
	return ps
}

func TestParseParameters(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`[]`, `[]`},
		{`[{"key":"a","value":1.00}]`, `[{"key":"a","value":1.00}]`},
		{`[{"key":"b","value":{"z" : [1, 2]}}, {"value":null,"key":"a"}]`, `[{"key":"b","value":{"z":[1,2]}},{"key":"a","value":null}]`},
		{`[{"key":"a","value":1},{"key":"b","value":2},{"key":"a","value":3}]`, `[{"key":"a","value":3},{"key":"b","value":2}]`},
		{`[{"key":"a","value":"<&>","init":true,"encryption":"x"}]`, `[{"key":"a","value":"<&>","init":true,"encryption":"x"}]`},
		{`[{"key":"\"\n\u00e4","value":""}]`, `[{"key":"\"\nä","value":""}]`},
		{`[{"key":"","value":0,"init":false,"other":1}]`, `[{"key":"","value":0}]`},
		{`{}`, ""}, {`[1]`, ""}, {`[null]`, ""}, {`[{"key":"a"}]`, ""}, {`[{"value":1}]`, ""}, {`[{"key":null,"value":1}]`, ""},
		{`[{"key":1,"value":1}]`, ""}, {`[{"key":"a","value":1,"init":"yes"}]`, ""}, {`[{"key":"a","value":1,"encryption":1}]`, ""}, {``, ""}, {`[`, ""},
	} {
		got, err := whisk.ParseParameters([]byte(tt.text))
		if tt.want == "" {
			if whisk.KindOf(err) != whisk.BadRequest || err == nil {
				t.Errorf("%s: got %s, %v; want a malformed-content error", tt.text, whisk.Marshal(got), err)
			}
		} else if err != nil || string(whisk.Marshal(got)) != tt.want {
			t.Errorf("%s: got %s, %v; want %s", tt.text, whisk.Marshal(got), err, tt.want)
		}
	}
	if got := string(whisk.Marshal(whisk.Parameters(nil))); got != "[]" {
		t.Errorf("no parameters: got %s, want []", got)
	}
}

func TestParametersAreNotChanged(t *testing.T) {
	base := parse(t, `[{"key":"a","value":1},{"key":"b","value":2}]`)
	over := parse(t, `[{"key":"c","value":3},{"key":"a","value":9,"init":true}]`)
	for _, tt := range []struct {
		what string
		got  whisk.Parameters
		want string
	}{
		{"over", over.Over(base), `[{"key":"a","value":9,"init":true},{"key":"b","value":2},{"key":"c","value":3}]`},
		{"over nothing", over.Over(nil), `[{"key":"c","value":3},{"key":"a","value":9,"init":true}]`},
		{"nothing over", whisk.Parameters(nil).Over(base), `[{"key":"a","value":1},{"key":"b","value":2}]`},
		{"without", base.Without("a", "x"), `[{"key":"b","value":2}]`},
		{"with value", base.WithValue("b", "<"), `[{"key":"a","value":1},{"key":"b","value":"<"}]`},
	} {
		if got := string(whisk.Marshal(tt.got)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.what, got, tt.want)
		}
	}
	if got := string(whisk.Marshal(base)) + string(whisk.Marshal(over)); got != `[{"key":"a","value":1},{"key":"b","value":2}][{"key":"c","value":3},{"key":"a","value":9,"init":true}]` {
		t.Errorf("the operands are now %s", got)
	}
	// Two sets made from one do not share their ends.
	one, two := base.WithValue("x", 1), base.WithValue("y", 2)
	if !one.Has("x") || one.Has("y") || !two.Has("y") || two.Has("x") {
		t.Errorf("two sets from one: got %s and %s", whisk.Marshal(one), whisk.Marshal(two))
	}
}

func TestParametersTell(t *testing.T) {
	ps := parse(t, `[{"key":"yes","value":true},{"key":"one","value":1},{"key":"null","value":null,"init":true},{"key":"ä","value":"ö"}]`)
	if got := ps.Size(); got != 3+4+3+1+4+4+2+4 {
		t.Errorf("size: got %d, want 25 bytes of keys and values", got)
	}
	if diff := cmp.Diff([]string{"null"}, ps.InitNames()); diff != "" {
		t.Errorf("init names (-want +got):\n%s", diff)
	}
	if !ps.IsTrue("yes") || ps.IsTrue("one") || ps.IsTrue("none") || !ps.Has("null") || ps.Has("none") {
		t.Errorf("IsTrue or Has is wrong about %s", whisk.Marshal(ps))
	}
}

func TestArguments(t *testing.T) {
	bound := `[{"key":"a","value":1,"init":true},{"key":"b","value":{"x":1.0}}]`
	for _, tt := range []struct{ bound, payload, want string }{
		{`[]`, ``, `{}`},
		{`[]`, `{"z":1,"a":2}`, `{"z":1,"a":2}`},
		{bound, ``, `{"a":1,"b":{"x":1.0}}`},
		{bound, `{}`, `{"a":1,"b":{"x":1.0}}`},
		{bound, `{"c":3,"a":null}`, `{"a":null,"b":{"x":1.0},"c":3}`},
		{bound, `{"a":1,"a":2}`, `{"a":2,"b":{"x":1.0}}`},
		{bound, `[1]`, ""}, {bound, `null`, ""}, {bound, `{"a":1`, ""}, {bound, `{"a":1}x`, ""},
	} {
		got, err := parse(t, tt.bound).Arguments([]byte(tt.payload))
		if tt.want == "" {
			if whisk.KindOf(err) != whisk.BadRequest || err == nil {
				t.Errorf("%s over %s: got %s, %v; want a malformed-content error", tt.payload, tt.bound, got, err)
			}
		} else if err != nil || string(got) != tt.want {
			t.Errorf("%s over %s: got %s, %v; want %s", tt.payload, tt.bound, got, err, tt.want)
		}
	}
}

func FuzzParseParameters(f *testing.F) {
	for _, s := range []string{`[]`, `[{"key":"a","value":1,"init":true,"encryption":"x"}]`, `[{"key":"\ud800","value":"\u2028<"},{"key":"a","value":{"a": 1}}]`, `[null]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ps, err := whisk.ParseParameters(text)
		if err != nil {
			return
		}
		again, err := whisk.ParseParameters(whisk.Marshal(ps))
		if diff := cmp.Diff(ps, again, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("%s comes back changed, error %v (-want +got):\n%s", text, err, diff)
		}
		if object := ps.Object(); !json.Valid(object) {
			t.Fatalf("%s is the object %s, which is no JSON", text, object)
		}
	})
}

func FuzzMembers(f *testing.F) {
	for _, s := range []string{``, `{}`, ` {"b":1, "a" : [null], "b":2}`, `{"a":1`, `{"a":1}{`, `[1]`, `null`, `{"\ud800":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		members, err := whisk.Members(text)
		var object map[string]json.RawMessage
		valid := json.Unmarshal(text, &object) == nil && object != nil || len(bytes.TrimSpace(text)) == 0
		if (err == nil) != valid {
			t.Fatalf("%q: got error %v, but that it is a JSON object is %t", text, err, valid)
		}
		if err != nil {
			return
		}
		if len(members) != len(object) {
			t.Fatalf("%q: got %d members, want %d", text, len(members), len(object))
		}
		for _, m := range members {
			if want := object[m.Key]; string(want) != string(m.Value) {
				t.Fatalf("%q: member %q is %s, want %s", text, m.Key, m.Value, want)
			}
		}
		again, err := whisk.Members(members.Object())
		if diff := cmp.Diff(members, again, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("%q comes back changed, error %v (-want +got):\n%s", text, err, diff)
		}
	})
}

// TestArgumentsOfMany: a body may have very many members, which must not cost their square.
func TestArgumentsOfMany(t *testing.T) {
	const n = 100_000
	payload := []byte(`{"bound":"given"`)
	for i := range n {
		payload = fmt.Appendf(payload, `,"k%d":%d`, i, i)
	}
	object, err := whisk.Parameters{}.WithValue("bound", "bound").WithValue("free", true).Arguments(append(payload, '}'))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(object, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != n+2 || got["bound"] != "given" || got["free"] != true || got["k99999"] != 99999.0 {
		t.Errorf("got %d arguments, bound %v, free %v, k99999 %v", len(got), got["bound"], got["free"], got["k99999"])
	}
}
