package whisk_test

import (
	"encoding/json"
	"testing"

	"quirl/whisk"
)

func TestParseSize(t *testing.T) {
	for _, tt := range []struct {
		text string
		want whisk.Size
	}{
		{"1048576 B", 1 << 20}, {"1 MB", 1 << 20}, {"1m", 1 << 20}, {" 3K ", 3 << 10}, {"0 kb", 0}, {"2 G", 2 << 30}, {"7GB", 7 << 30},
		{"", -1}, {"B", -1}, {"5", -1}, {"1 TB", -1}, {"-1 B", -1}, {"1.5 MB", -1}, {"99999999999 GB", -1}, {"99999999999999999999 B", -1},
	} {
		got, err := whisk.ParseSize(tt.text)
		if (err == nil) != (tt.want >= 0) || err == nil && got != tt.want {
			t.Errorf("%q: got %d, %v; want %d", tt.text, got, err, tt.want)
		}
	}
	var back whisk.Size
	if err := json.Unmarshal(whisk.Marshal(whisk.Size(1536)), &back); err != nil || back != 1536 {
		t.Errorf("1536 bytes come back as %d, %v", back, err)
	}
}

func TestEffectiveSizes(t *testing.T) {
	system := whisk.DefaultLimits()
	small, large, seven := whisk.Size(100), whisk.Size(10<<20), 7
	id := whisk.Identity{Limits: whisk.NamespaceLimits{MaxPayloadSize: &small, TruncationSize: &large, MaxParameterSize: &small, MaxActionInstances: &seven}}
	got := id.Effective(&system)
	if got.Payload != 100 || got.Truncation != system.Truncation || got.Parameters != 100 || got.Instances != 7 {
		t.Errorf("got %+v; want its own sizes where they are smaller than the system's", got)
	}
	if n := id.PayloadLimit(&system); n != 100 {
		t.Errorf("payload limit: got %d, want 100", n)
	}
	if n := new(whisk.Identity).PayloadLimit(&system); n != system.Payload {
		t.Errorf("payload limit of nobody in particular: got %d, want %d", n, system.Payload)
	}
	if plain := new(whisk.Identity).Effective(&system); plain.Instances != system.ConcurrentInvocations {
		t.Errorf("instances: got %d, want as many as may be invoked at once", plain.Instances)
	}
}

func TestWithin(t *testing.T) {
	system := whisk.DefaultLimits()
	for _, tt := range []struct {
		limits whisk.ActionLimits
		want   string
	}{
		{whisk.ActionLimits{Timeout: 60_000, Memory: 256, Logs: 10, Concurrency: 1}, ""},
		{whisk.ActionLimits{Timeout: 60_000, Memory: 513, Logs: 10, Concurrency: 1}, "requirement failed: memory size 513 MB exceeds allowed threshold of 512 MB"},
		{whisk.ActionLimits{Timeout: 99, Memory: 256, Logs: 10, Concurrency: 1}, "requirement failed: duration 99 milliseconds below allowed threshold of 100 milliseconds"},
	} {
		got := ""
		if err := tt.limits.Within(&system); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.limits, got, tt.want)
		}
	}
}
