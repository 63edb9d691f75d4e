package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
)

var auditCases = []testCase{
	{"audit entries are listed, the last ones first", testAudit},
	{"audit entries of an age are removed", testAuditExpires},
}

func auditEntry(millis int64, namespace string) store.AuditEntry {
	return store.AuditEntry{
		ID: idOf(millis), Actor: "ann", Key: "b9a1", Namespace: namespace, Action: "PUT", Target: "actions/p/<&>ä", Status: 200, From: "127.0.0.1", TID: "t",
	}
}

func putAudit(t *testing.T, s store.Audit, entries ...store.AuditEntry) {
	t.Helper()
	for _, e := range entries {
		if err := s.PutAudit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func testAudit(t *testing.T, s store.Store) {
	entries := []store.AuditEntry{auditEntry(noon, "ns"), auditEntry(noon+1, "other"), auditEntry(noon+2, "ns"), auditEntry(noon+3, "")}
	putAudit(t, s, entries[2], entries[0], entries[1], entries[3])
	again := entries[0]
	again.Actor = "bob"
	putAudit(t, s, again) // the first one stays
	at := func(millis int64) time.Time { return time.UnixMilli(noon + millis) }
	for _, tt := range []struct {
		q    store.AuditQuery
		want []int
	}{
		{store.AuditQuery{}, []int{3, 2, 1, 0}},
		{store.AuditQuery{Limit: 2}, []int{3, 2}},
		{store.AuditQuery{Namespace: "ns"}, []int{2, 0}},
		{store.AuditQuery{Namespace: "ns", Limit: 1}, []int{2}},
		{store.AuditQuery{Namespace: "none"}, nil},
		{store.AuditQuery{Since: at(1)}, []int{3, 2, 1}},
		{store.AuditQuery{Until: at(2)}, []int{1, 0}},
		{store.AuditQuery{Since: at(1), Until: at(2)}, []int{1}},
		{store.AuditQuery{Since: at(2), Until: at(1)}, nil},
		{store.AuditQuery{Namespace: "ns", Since: at(0), Until: at(2)}, []int{0}},
	} {
		var want []store.AuditEntry
		for _, i := range tt.want {
			want = append(want, entries[i])
		}
		got, err := s.ListAudit(t.Context(), tt.q)
		if diff := cmp.Diff(want, got, none); err != nil || diff != "" {
			t.Errorf("list %+v, %v (-want +got):\n%s", tt.q, err, diff)
		}
	}
	var walked []store.AuditEntry
	err := s.WalkAudit(t.Context(), string(entries[0].ID), func(e store.AuditEntry) error {
		walked = append(walked, e)
		return nil
	})
	if diff := cmp.Diff(entries[1:], walked); err != nil || diff != "" {
		t.Errorf("walk past the first, %v (-want +got):\n%s", err, diff)
	}
}

func testAuditExpires(t *testing.T, s store.Store) {
	const old, young = 1100, 20
	for i := range int64(old) {
		putAudit(t, s, auditEntry(noon+i, fmt.Sprint("ns", i%3)))
	}
	for i := range int64(young) {
		putAudit(t, s, auditEntry(noon+10_000+i, "ns0"))
	}
	for parts := 1; ; parts++ {
		more, err := s.ExpireAudit(t.Context(), time.UnixMilli(noon+10_000))
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		if parts > 100 {
			t.Fatal("there is always more to remove")
		}
	}
	if got, err := s.ListAudit(t.Context(), store.AuditQuery{}); err != nil || len(got) != young {
		t.Errorf("%d entries are left, %v; want %d", len(got), err, young)
	}
}
