package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

var byteCases = []testCase{
	{"JSON comes back byte by byte", testJSON},
	{"records may be large", testLargeRecords},
}

// oddJSON are values whose text says more than the value.
var oddJSON = []string{
	`{}`, `[]`, `{"a":[],"b":{}}`, `{"plain":"text","number":5,"yes":true,"none":null,"list":[1,[2,{"three":3}]]}`,
	`{"b":1,"a":2}`, `{"10":"ten","2":"two","a":"1"}`, `{"twice":1,"twice":2}`, `{"__proto__":{"a":1},"constructor":1}`, `{"_id":"x","_rev":"y","":0}`,
	`[1.0,1e3,1E400,-0,0.1,1.10,12345678901234567890,9007199254740993,1e-7,100000000000000000000,1.5e300]`,
	`["\u00e4","ä","\/","/","\ud83d\ude00","😀","\ud800","\u0000","\u2028","` + "\u2028" + `","<&>","\u003c","\t\"\\"]`,
	"[\"\xff\"]",
}

func testJSON(t *testing.T, s store.Store) {
	for i, text := range oddJSON {
		raw := json.RawMessage(text)
		r := record("ns", "a", noon+int64(i))
		r.Response.Result = raw
		r.Annotations = r.Annotations.With(whisk.Parameter{Key: "odd", Value: raw})
		r.Logs = []string{"2023-11-14T22:13:20.000000000Z stdout: <&> \u2028 ä \x00"}
		putRecords(t, s, r)
		got, err := s.Activation(t.Context(), "ns", r.ID)
		if diff := cmp.Diff(r, got); err != nil || diff != "" {
			t.Errorf("record with %q, %v (-written +read):\n%s", text, err, diff)
		}
		list, err := s.ListActivations(t.Context(), store.ActivationQuery{Namespace: "ns", Limit: 1})
		if err != nil || len(list) != 1 || !cmp.Equal(list[0].Annotations, r.Annotations) {
			t.Errorf("list with %q: %+v, %v", text, list, err)
		}
		a := action("ns", numbered("a", i), noon)
		a.Parameters, a.Annotations = a.Parameters.With(whisk.Parameter{Key: "odd", Value: raw}), a.Annotations.With(whisk.Parameter{Key: "odd", Value: raw})
		put(t, s, a)
		e, err := s.Entity(t.Context(), a.FullName().ID())
		if diff := cmp.Diff(whisk.Entity(a), e, none); err != nil || diff != "" {
			t.Errorf("action with %q, %v (-written +read):\n%s", text, err, diff)
		}
	}
}

func testLargeRecords(t *testing.T, s store.Store) {
	large := record("ns", "large", noon)
	large.Response.Result = json.RawMessage(`{"text":"` + strings.Repeat("x", 1<<20) + `"}`)
	large.Logs = nil
	for i := range 9000 { // 9 MB
		large.Logs = append(large.Logs, fmt.Sprintf("2023-11-14T22:13:20.%09dZ stdout: %s", i, strings.Repeat("l", 1000)))
	}
	small := record("ns", "small", noon+1)
	putRecords(t, s, large, small)
	got, err := s.Activation(t.Context(), "ns", large.ID)
	if err != nil || !cmp.Equal(large, got) {
		t.Errorf("a large record is another one, or: %v", err)
	}
	list, err := s.ListActivations(t.Context(), store.ActivationQuery{Namespace: "ns", Full: true})
	if err != nil || len(list) != 2 || !cmp.Equal(list, []*whisk.Activation{small, large}, none) {
		t.Errorf("the list has %d records, not whole, or: %v", len(list), err)
	}
}
