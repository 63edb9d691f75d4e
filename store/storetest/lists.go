package storetest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

var listCases = []testCase{
	{"lists begin with what was updated last", testListOrder},
	{"lists are cut by skip and limit", testListPages},
	{"lists and counts keep to collection, path and shared", testListFilters},
}

func list(t *testing.T, s store.Entities, q store.EntityQuery) []string {
	t.Helper()
	entities, err := s.ListEntities(t.Context(), q)
	if err != nil {
		t.Fatalf("list %+v: %v", q, err)
	}
	return names(entities)
}

func testListOrder(t *testing.T, s store.Store) {
	for _, name := range []string{"e", "c", "a", "d", "b"} { // all within one millisecond
		put(t, s, action("ns", name, noon))
	}
	put(t, s, action("ns", "old", noon-1))
	put(t, s, action("ns", "new", noon+1))
	again, err := s.Entity(t.Context(), "ns/c")
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, again)
	got := list(t, s, store.EntityQuery{Collection: whisk.Actions, Path: "ns"})
	want := []string{"ns/new", "ns/c", "ns/b", "ns/d", "ns/a", "ns/e", "ns/old"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func testListPages(t *testing.T, s store.Store) {
	var all []string
	for i := range 10 {
		put(t, s, action("ns", numbered("a", i), noon+int64(i)))
		all = append(all, numbered("ns/a", i))
	}
	slices.Reverse(all)
	for _, tt := range []struct {
		skip, limit int
		want        []string
	}{
		{0, 0, all}, {0, 3, all[:3]}, {3, 3, all[3:6]}, {8, 5, all[8:]}, {10, 3, all[10:]}, {99, 0, all[10:]}, {4, 0, all[4:]},
	} {
		q := store.EntityQuery{Collection: whisk.Actions, Path: "ns", Skip: tt.skip, Limit: tt.limit}
		if diff := cmp.Diff(tt.want, list(t, s, q)); diff != "" {
			t.Errorf("skip %d, limit %d (-want +got):\n%s", tt.skip, tt.limit, diff)
		}
		if n, err := s.CountEntities(t.Context(), q); err != nil || n != len(all) {
			t.Errorf("count with skip %d, limit %d: got %d, %v; want %d", tt.skip, tt.limit, n, err, len(all))
		}
	}
}

func testListFilters(t *testing.T, s store.Store) {
	for i, e := range []whisk.Entity{
		action("ns", "plain", 0), action("ns/pkg", "inside", 0), action("ns/pkg2", "apart", 0), action("nspkg", "alien", 0), action("ns2", "alien", 0),
		pkg("ns", "pkg", 0, false, nil), pkg("ns", "shared", 0, true, nil),
		pkg("ns", "bound", 0, true, &whisk.Binding{Namespace: "o", Name: "p"}),
		&whisk.Trigger{Meta: meta("ns", "trig", 0)},
		&whisk.Rule{Meta: meta("ns", "rule", 0), Trigger: whisk.FullName{Path: "ns", Name: "trig"}, Action: whisk.FullName{Path: "ns", Name: "plain"}},
	} {
		e.Common().Updated = noon - int64(i) // so that lists have this order
		put(t, s, e)
	}
	for _, tt := range []struct {
		q    store.EntityQuery
		want []string
	}{
		{store.EntityQuery{Collection: whisk.Actions, Path: "ns"}, []string{"ns/plain", "ns/pkg/inside", "ns/pkg2/apart"}},
		{store.EntityQuery{Collection: whisk.Actions, Path: "ns/pkg"}, []string{"ns/pkg/inside"}},
		{store.EntityQuery{Collection: whisk.Actions, Path: "ns/none"}, []string{}},
		{store.EntityQuery{Collection: whisk.Actions, Path: "none"}, []string{}},
		{store.EntityQuery{Collection: whisk.Packages, Path: "ns"}, []string{"ns/pkg", "ns/shared", "ns/bound"}},
		{store.EntityQuery{Collection: whisk.Packages, Path: "ns", Shared: true}, []string{"ns/shared"}},
		{store.EntityQuery{Collection: whisk.Triggers, Path: "ns"}, []string{"ns/trig"}},
		{store.EntityQuery{Collection: whisk.Rules, Path: "ns"}, []string{"ns/rule"}},
	} {
		if diff := cmp.Diff(tt.want, list(t, s, tt.q)); diff != "" {
			t.Errorf("list %+v (-want +got):\n%s", tt.q, diff)
		}
		if n, err := s.CountEntities(t.Context(), tt.q); err != nil || n != len(tt.want) {
			t.Errorf("count %+v: got %d, %v; want %d", tt.q, n, err, len(tt.want))
		}
	}
	// What is shared follows the last write.
	shared, err := store.Get[*whisk.Package](t.Context(), s, "ns/shared")
	if err != nil {
		t.Fatal(err)
	}
	private := *shared
	private.Publish = false
	put(t, s, &private)
	if got := list(t, s, store.EntityQuery{Collection: whisk.Packages, Path: "ns", Shared: true}); len(got) > 0 {
		t.Errorf("shared packages after the last one was made private: got %v", got)
	}
}
