package storetest

import (
	"testing"
	"time"

	"quirl/store"
	"quirl/whisk"
)

var expireCases = []testCase{
	{"records of an age are removed, and no others", testExpire},
	{"records of one namespace are removed", testExpireNamespace},
}

// expireAll removes in as many parts as it takes.
func expireAll(t *testing.T, s store.Store, namespace string, before time.Time) {
	t.Helper()
	for parts := 1; ; parts++ {
		more, err := s.ExpireActivations(t.Context(), namespace, before)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
		if parts > 100 {
			t.Fatal("there is always more to remove")
		}
	}
}

// days puts records of several days into a store, the oldest first.
func days(t *testing.T, s store.Store, perDay int) (all [][]*whisk.Activation) {
	t.Helper()
	const day = 24 * 3600 * 1000
	began := noon / day * day
	for d := range int64(4) {
		var records []*whisk.Activation
		for i := range perDay {
			records = append(records, record([]string{"ns", "other"}[i%2], "a", began+d*day+int64(i)*1000))
		}
		putRecords(t, s, records...)
		all = append(all, records)
	}
	return all
}

func counts(t *testing.T, s store.Store, want map[string]int) {
	t.Helper()
	for namespace, n := range want {
		if got, err := s.CountActivations(t.Context(), store.ActivationQuery{Namespace: namespace}); err != nil || got != n {
			t.Errorf("%s has %d records, %v; want %d", namespace, got, err, n)
		}
	}
}

func testExpire(t *testing.T, s store.Store) {
	all := days(t, s, 1500)
	expireAll(t, s, "", all[2][0].Start) // the beginning of a day
	counts(t, s, map[string]int{"ns": 1500, "other": 1500})
	_, err := s.Activation(t.Context(), "ns", all[1][0].ID)
	wantError(t, "an old record", err, store.ErrNotFound)
	if _, err := s.Activation(t.Context(), "ns", all[2][0].ID); err != nil {
		t.Errorf("a record that is young enough: %v", err)
	}
	walked := 0
	if err := s.WalkActivations(t.Context(), "", func(*whisk.Activation) error { walked++; return nil }); err != nil || walked != 3000 {
		t.Errorf("a walk finds %d records, %v; want 3000", walked, err)
	}
	// A record of a day that is gone can come late: whether it is there for a while is left to the store.
	putRecords(t, s, all[0][:10]...)
	expireAll(t, s, "", all[2][0].Start)
	counts(t, s, map[string]int{"ns": 1500, "other": 1500})
	expireAll(t, s, "", all[3][0].Start.AddDate(1, 0, 0))
	counts(t, s, map[string]int{"ns": 0, "other": 0})
}

func testExpireNamespace(t *testing.T, s store.Store) {
	all := days(t, s, 600)
	expireAll(t, s, "ns", all[3][100].Start) // within a day
	counts(t, s, map[string]int{"ns": 250, "other": 1200})
	_, err := s.Activation(t.Context(), "ns", all[0][0].ID)
	wantError(t, "an old record", err, store.ErrNotFound)
	expireAll(t, s, "nobody", all[3][599].Start)
	counts(t, s, map[string]int{"ns": 250, "other": 1200})
}
