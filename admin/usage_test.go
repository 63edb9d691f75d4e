package admin_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/admin"
	"quirl/store"
	"quirl/whisk"
)

func TestUsage(t *testing.T) {
	s := sqlite(t)
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	limits := map[string]int{"memory": 256, "timeout": 60000}
	run := func(namespace string, at time.Time, millis int64, status whisk.Status, annotations whisk.Parameters) store.Record {
		return store.Record{Unjournaled: true, Activation: &whisk.Activation{
			Namespace: namespace, Name: "a", Version: whisk.FirstVersion(), ID: whisk.NewActivationID(at), Start: at, End: at.Add(time.Second), Duration: millis,
			Response: whisk.Response{Status: status, Result: []byte(`{"a":1}`)}, Logs: []string{"123456789"}, Annotations: annotations,
		}}
	}
	function := whisk.Parameters{}.WithValue("kind", "nodejs:20").WithValue("limits", limits)
	_, err := s.PutActivations(t.Context(), []store.Record{
		run("ann", noon, 1500, whisk.Success, function.WithValue("initTime", 30)),
		run("ann", noon.Add(time.Hour), 500, whisk.DeveloperError, function),
		run("ann", noon.Add(24*time.Hour), 1000, whisk.Success, function),
		run("ann", noon, 9000, whisk.Success, whisk.Parameters{}.WithValue("kind", "sequence").WithValue("limits", limits)),
		run("ann", noon, 9000, whisk.Success, function.WithValue("conductor", true)),
		run("ann", noon, 10, whisk.Success, nil), // a trigger
		run("bob", noon, 2000, whisk.Success, function),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		since, until time.Time
		byDay        bool
		want         []admin.Usage
	}{
		{"all", time.Time{}, time.Time{}, false, []admin.Usage{
			{Namespace: "ann", Invocations: 5, Failed: 1, Cold: 1, Seconds: 3, MemorySeconds: 768, Bytes: 5 * 17},
			{Namespace: "bob", Invocations: 1, Seconds: 2, MemorySeconds: 512, Bytes: 17},
		}},
		{"by day", noon.Add(time.Minute), time.Time{}, true, []admin.Usage{
			{Namespace: "ann", Day: "2026-11-27", Invocations: 1, Failed: 1, Seconds: 0.5, MemorySeconds: 128, Bytes: 17},
			{Namespace: "ann", Day: "2026-11-28", Invocations: 1, Seconds: 1, MemorySeconds: 256, Bytes: 17},
		}},
		{"until", noon.Add(time.Minute), noon.Add(2 * time.Hour), false, []admin.Usage{
			{Namespace: "ann", Invocations: 1, Failed: 1, Seconds: 0.5, MemorySeconds: 128, Bytes: 17},
		}},
		{"none", noon.Add(100 * time.Hour), time.Time{}, false, []admin.Usage{}},
	} {
		got, err := admin.UsageOf(t.Context(), s, c.since, c.until, c.byDay)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
}
