package runtimes_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/container"
	"quirl/runtimes"
)

func TestSpecFromImages(t *testing.T) {
	m := load(t, `{"runtimes": {
		"toy": [{"kind": "toy:1", "default": true, "image": {"prefix": "openwhisk", "name": "action-toy", "tag": "nightly"},
			"quirl": {"runtime": "toys", "stock": {"image": "toy:1-slim", "program": "toy"},
				"host": {"names": ["toy"], "pattern": "(.*)", "args": ["-q", "{runtime}/server.toy"], "compile": ["{runtime}/compile.toy"]}}},
			{"kind": "toy:2", "image": {"name": "action-toy2"},
			"quirl": {"runtime": "toys", "host": {"names": ["toy"], "pattern": "(.*)", "args": ["{runtime}/server.toy"]}}}],
		"plain": [{"kind": "plain:1", "image": {"prefix": "openwhisk", "name": "plain"}}]}}`)
	offer := m.Images()
	if err := offer.Compile(t.Context(), t.TempDir()); err != nil {
		t.Errorf("compile: %v", err)
	}
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "TZ=UTC"}
	for kind, want := range map[string]struct {
		own  bool
		spec container.Spec
	}{
		"toy:default": {true, container.Spec{
			Kind: "toy:1", Image: "toy:1-slim", Command: []string{"toy", "-q", "/quirl/toys/server.toy"}, Env: append(env, "A=b"),
			Mounts: []container.Mount{{Source: "/files/toys", Target: "/quirl/toys"}},
		}},
		"toy:2":   {false, container.Spec{Kind: "toy:2", Image: "action-toy2", Env: []string{"A=b"}}},
		"plain:1": {false, container.Spec{Kind: "plain:1", Image: "openwhisk/plain", Env: []string{"A=b"}}},
	} {
		got, err := offer.Spec(kind, "/files", "A=b")
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if diff := cmp.Diff(want.spec, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		if own := offer.Own(kind); own != want.own {
			t.Errorf("%s: our own runtime: %t, want %t", kind, own, want.own)
		}
	}
}

func TestBuiltinKindsHaveStockImages(t *testing.T) {
	offer := runtimes.Builtin().Images()
	for _, kind := range offer.Manifest.Kinds() {
		spec, err := offer.Spec(kind, "/files")
		if err != nil || strings.HasPrefix(spec.Image, "openwhisk/") || !offer.Own(kind) {
			t.Errorf("%s: image %q, own runtime %t, %v; want an official image with our runtime", kind, spec.Image, offer.Own(kind), err)
		}
	}
}

func TestBadStockImages(t *testing.T) {
	for _, stock := range []string{`{"image": "UPPER", "program": "toy"}`, `{"image": "toy:1"}`, `{"image": "toy:1", "program": "bin/toy"}`} {
		_, err := runtimes.Load([]byte(`{"runtimes": {"toy": [{"kind": "toy:1", "image": {"name": "toy"},
			"quirl": {"runtime": "toys", "stock": ` + stock + `, "host": {"names": ["toy"], "pattern": "(.*)", "args": ["x"]}}}]}}`))
		if err == nil || !strings.Contains(err.Error(), "quirl.stock") {
			t.Errorf("%s: got %v, want an error that names quirl.stock", stock, err)
		}
	}
}

func TestPullRule(t *testing.T) {
	m := load(t, `{"runtimes": {}, "blackboxes": [{"prefix": "openwhisk", "name": "dockerskeleton"}]}`)
	for text, want := range map[string]container.Pull{
		"someone/thing":                       container.PullAlways,
		"someone/thing:latest":                container.PullAlways,
		"someone/thing:1":                     container.PullIfPossible,
		"openwhisk/dockerskeleton":            container.PullMissing,
		"openwhisk/dockerskeleton:1":          container.PullIfPossible,
		"x@sha256:" + strings.Repeat("a", 64): container.PullMissing,
	} {
		image, err := runtimes.ParseImage(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.PullRule(image); got != want {
			t.Errorf("%s: rule %d, want %d", text, got, want)
		}
	}
}
