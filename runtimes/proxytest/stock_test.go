//go:build linux

package proxytest_test

import (
	"os"
	"path/filepath"
	"testing"

	"quirl/container"
	"quirl/container/ociimage/imagetest"
	"quirl/container/sandboxcontainer"
	"quirl/runtimes"
	"quirl/runtimes/proxytest"
	"quirl/test/quirltest"
)

// TestStockImages runs functions in images like the official ones of the languages, from
// a registry, with our files mounted into them: an image has the language and none of ours.
func TestStockImages(t *testing.T) {
	if testing.Short() || !quirltest.Isolated() {
		t.Skip("needs the launcher and root")
	}
	registry := imagetest.Registry(t)
	for _, kind := range []string{"bun:1", "deno:2", "go:1", "java:17", "php:8.2", "ruby:3.1", "rust:1", "script:1"} {
		t.Run(kind, func(t *testing.T) {
			m := manifest(t, kind)
			r, err := m.Resolve(kind)
			if err != nil {
				t.Fatal(err)
			}
			r.Local.Stock.Image = registry + "/" + r.Family + ":1"
			image, err := imagetest.Stock(t.TempDir(), r.Family)
			if err != nil {
				absent(t, err)
			}
			if err := imagetest.Push(r.Local.Stock.Image, image); err != nil {
				t.Fatal(err)
			}
			proxytest.RunCases(t, sandboxOfImages, m.Images(), []string{"echo", "compiled code"}, kind)
		})
	}
}

// absent ends the test of a language that is not installed here as Debian has it.
func absent(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// manifest has the kind: it is built in, or one of scripts as an operator may write it.
func manifest(t *testing.T, kind string) *runtimes.Manifest {
	t.Helper()
	m := runtimes.Builtin()
	if _, err := m.Resolve(kind); err == nil {
		return m
	}
	m, err := runtimes.Load([]byte(`{"runtimes": {"script": [{"kind": "script:1", "image": {"name": "script"}, "quirl": {
		"runtime": "native", "loop": {"each": true, "stub": "/quirl/native/stub"}, "stock": {"image": "debian:stable-slim", "program": "sh"}}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sandboxOfImages(t *testing.T) container.Factory {
	return sandboxWith(t, func(c *sandboxcontainer.Config) { c.Images = filepath.Join(c.Dir, "images") })
}
