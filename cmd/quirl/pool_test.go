package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/invoker/policy"
	"quirl/invoker/pool"
	"quirl/runtimes"
)

func TestPolicy(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*serveConfig)
		learned bool
		err     string
	}{
		{"default", func(*serveConfig) {}, true, ""},
		{"fixed", func(c *serveConfig) { c.KeepPolicy = "fixed" }, false, ""},
		{"kept for ever", func(c *serveConfig) { c.KeepAlive = 0 }, false, ""},
		{"unknown", func(c *serveConfig) { c.KeepPolicy = "clever" }, false, `keep-policy "clever" is neither learned nor fixed`},
		{"negative", func(c *serveConfig) { c.KeepAlive = -time.Second }, false, "must not be negative"},
		{"negative memory", func(c *serveConfig) { c.StemMemory = -1 }, false, "stem-memory -1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := defaultServeConfig(func(string) string { return "" })
			c.change(&cfg)
			p, err := cfg.policy()
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if _, learned := p.(*policy.Learned); err != nil || learned != c.learned {
				t.Errorf("policy %T, error %v", p, err)
			}
		})
	}
}

// TestStems: stem cells of the manifest, with and without rules.
func TestStems(t *testing.T) {
	const manifest = `{"runtimes": {"go": [{"kind": "go:1", "default": true, "image": {"prefix": "x", "name": "go", "tag": "1"}, "stemCells": [
		{"initialCount": 2, "memory": "128 MB"},
		{"initialCount": 1, "memory": "256 MB", "reactive": {"minCount": 1, "maxCount": 4, "ttl": "2 minutes", "threshold": 3, "increment": 2}}
	]}]}}`
	m, err := runtimes.Load([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	k := &kinds{offer: &runtimes.Offer{Manifest: m}}
	want := []pool.Stem{
		{Kind: "go:1", Memory: 128, Count: 2},
		{Kind: "go:1", Memory: 256, Count: 1, Reactive: &pool.Reactive{MinCount: 1, MaxCount: 4, TTL: 2 * time.Minute, Threshold: 3, Increment: 2}},
	}
	if diff := cmp.Diff(want, k.stems()); diff != "" {
		t.Errorf("stem cells (-want +got):\n%s", diff)
	}
}
