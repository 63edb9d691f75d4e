package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

var walkCases = []testCase{
	{"walks lead through all, in order, and go on where they are told", testWalks},
	{"a walk ends with what its reader says", testWalkEnds},
}

func testWalks(t *testing.T, s store.Store) {
	const many = store.WalkPage + 20
	var wantEntities, wantActivations, wantLimits []string
	for i := range many {
		namespace := []string{"Ns", "ms", "ns"}[i%3]
		e := action(namespace, numbered("a", i), noon)
		put(t, s, e)
		wantEntities = append(wantEntities, e.FullName().ID())
	}
	records := make([]*whisk.Activation, many)
	for i := range records {
		records[i] = record([]string{"ns", "ms"}[i%2], "a", noon+int64(i%3)*24*3600*1000+int64(i))
		wantActivations = append(wantActivations, string(records[i].ID))
	}
	putRecords(t, s, records...)
	five := 5
	for _, namespace := range []string{"ns", "Ns", "ä"} {
		wantLimits = append(wantLimits, namespace)
		if err := s.PutNamespaceLimits(t.Context(), namespace, whisk.NamespaceLimits{FiresPerMinute: &five}); err != nil {
			t.Fatal(err)
		}
	}
	walk := func(after string) (entities, activations, limits []string) {
		err := errors.Join(
			s.WalkEntities(t.Context(), after, func(e whisk.Entity) error {
				entities = append(entities, e.FullName().ID())
				return nil
			}),
			s.WalkActivations(t.Context(), whisk.ActivationID(after), func(a *whisk.Activation) error {
				if len(a.Logs) == 0 || len(a.Response.Result) == 0 {
					t.Errorf("%s is not whole", a.ID)
				}
				activations = append(activations, string(a.ID))
				return nil
			}),
			s.WalkLimits(t.Context(), after, func(namespace string, l whisk.NamespaceLimits) error {
				if l.FiresPerMinute == nil || *l.FiresPerMinute != five {
					t.Errorf("limits of %s: %+v", namespace, l)
				}
				limits = append(limits, namespace)
				return nil
			}),
		)
		if err != nil {
			t.Fatal(err)
		}
		return entities, activations, limits
	}
	entities, activations, limits := walk("")
	for _, of := range []struct {
		what      string
		got, want []string
	}{{"entities", entities, wantEntities}, {"activations", activations, wantActivations}, {"limits", limits, wantLimits}} {
		if diff := cmp.Diff(sorted(of.want), of.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", of.what, diff)
		}
	}
	rest, _, _ := walk(entities[many-3])
	if diff := cmp.Diff(entities[many-2:], rest); diff != "" {
		t.Errorf("entities past one (-want +got):\n%s", diff)
	}
	_, rest, _ = walk(activations[many-3])
	if diff := cmp.Diff(activations[many-2:], rest); diff != "" {
		t.Errorf("activations past one (-want +got):\n%s", diff)
	}
}

func testWalkEnds(t *testing.T, s store.Store) {
	put(t, s, action("ns", "a", noon))
	put(t, s, action("ns", "b", noon))
	enough, calls := errors.New("enough"), 0
	err := s.WalkEntities(t.Context(), "", func(whisk.Entity) error {
		calls++
		return enough
	})
	if calls != 1 {
		t.Errorf("got %d calls, want 1", calls)
	}
	wantError(t, "walk", err, enough)
}
