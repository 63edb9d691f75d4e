package whisk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/whisk"
)

func ptr[T any](v T) *T { return &v }

func TestParseLimits(t *testing.T) {
	for _, tt := range []struct {
		text    string
		want    whisk.LimitsPatch
		failure string
	}{
		{`{}`, whisk.LimitsPatch{}, ""},
		{`null`, whisk.LimitsPatch{}, ""},
		{`{"memory":256,"timeout":1000,"logs":0,"concurrency":2,"instances":3}`,
			whisk.LimitsPatch{Timeout: ptr(1000), Memory: ptr(256), Logs: ptr(0), Concurrency: ptr(2), Instances: ptr(3)}, ""},
		{`{"memory":256.0,"timeout":null,"other":1}`, whisk.LimitsPatch{Memory: ptr(256)}, ""},
		{`{"memory":1e2}`, whisk.LimitsPatch{Memory: ptr(100)}, ""},
		{`[]`, whisk.LimitsPatch{}, "Object expected"},
		{`{"timeout":"1"}`, whisk.LimitsPatch{}, "time limit malformed"},
		{`{"timeout":1.5}`, whisk.LimitsPatch{}, "time limit must be whole number"},
		{`{"memory":1e300}`, whisk.LimitsPatch{}, "memory limit malformed"},
		{`{"logs":{}}`, whisk.LimitsPatch{}, "log limit malformed"},
		{`{"concurrency":1.5}`, whisk.LimitsPatch{}, "intra concurrency limit must be whole number"},
		{`{"logs":-1}`, whisk.LimitsPatch{}, "a negative size"},
		{`{"memory":-1}`, whisk.LimitsPatch{}, "a negative size"},
		{`{"instances":-1}`, whisk.LimitsPatch{}, "greater than or equal to 0"},
	} {
		got, err := whisk.ParseLimits([]byte(tt.text))
		if tt.failure != "" {
			if err == nil || !strings.Contains(err.Error(), tt.failure) {
				t.Errorf("%s: got error %v, want one with %q", tt.text, err, tt.failure)
			}
		} else if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", tt.text, err, diff)
		}
	}
}

func TestCheckLimits(t *testing.T) {
	system := whisk.DefaultLimits()
	for _, tt := range []struct {
		patch whisk.LimitsPatch
		want  string
	}{
		{whisk.LimitsPatch{}, ""},
		{whisk.LimitsPatch{Memory: ptr(128), Timeout: ptr(300_000), Logs: ptr(0), Concurrency: ptr(1), Instances: ptr(9999)}, ""},
		{whisk.LimitsPatch{Memory: ptr(127)}, "requirement failed: memory size 127 MB below allowed threshold of 128 MB"},
		{whisk.LimitsPatch{Memory: ptr(513)}, "requirement failed: memory size 513 MB exceeds allowed threshold of 512 MB"},
		{whisk.LimitsPatch{Timeout: ptr(99)}, "requirement failed: duration 99 milliseconds below allowed threshold of 100 milliseconds"},
		{whisk.LimitsPatch{Logs: ptr(11)}, "requirement failed: log size 11 MB exceeds allowed threshold of 10 MB"},
		{whisk.LimitsPatch{Concurrency: ptr(2)}, "requirement failed: concurrency 2 exceeds allowed threshold of 1"},
	} {
		err := tt.patch.Check(&system)
		if got := whisk.KindOf(err); err != nil && (err.Error() != tt.want || got != whisk.BadRequest) || err == nil && tt.want != "" {
			t.Errorf("%s: got %v, want %q", whisk.Marshal(tt.patch), err, tt.want)
		}
	}
	over := whisk.LimitsPatch{Memory: ptr(512), Instances: ptr(2)}.Over(system.Default())
	want := whisk.ActionLimits{Timeout: 60_000, Memory: 512, Logs: 10, Concurrency: 1, Instances: ptr(2)}
	if diff := cmp.Diff(want, over); diff != "" {
		t.Errorf("a patch over the defaults (-want +got):\n%s", diff)
	}
	var read whisk.ActionLimits
	if err := json.Unmarshal(over.AppendJSON(nil), &read); err != nil || !cmp.Equal(read, over) {
		t.Errorf("limits as JSON %s come back as %+v, %v", over.AppendJSON(nil), read, err)
	}
}

func TestEffectiveLimits(t *testing.T) {
	system := whisk.DefaultLimits()
	id := whisk.Identity{Limits: whisk.NamespaceLimits{
		InvocationsPerMinute: ptr(0), ConcurrentInvocations: ptr(1000),
		MinActionMemory: ptr(1), MaxActionMemory: ptr(200), MaxActionTimeout: ptr(999_999), MinActionTimeout: ptr(70_000),
	}}
	want := system
	want.InvocationsPerMinute, want.ConcurrentInvocations, want.Instances = 0, 1000, 1000
	want.Memory = whisk.Range{Min: 128, Default: 200, Max: 200}
	want.Timeout = whisk.Range{Min: 70_000, Default: 70_000, Max: 300_000}
	if diff := cmp.Diff(want, id.Effective(&system)); diff != "" {
		t.Errorf("effective limits (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(whisk.DefaultLimits(), system); diff != "" {
		t.Errorf("the system's limits were changed:\n%s", diff)
	}
	if !id.StoresActivations() || (&whisk.Identity{Limits: whisk.NamespaceLimits{StoreActivations: ptr(false)}}).StoresActivations() {
		t.Error("records are kept unless a namespace does not want them")
	}
}
