package runtimes_test

import (
	"errors"
	"testing"

	"quirl/runtimes"
)

func TestNearest(t *testing.T) {
	m := load(t, `{"runtimes": {
		"ruby": [{"kind": "ruby:3.1", "image": {"name": "r"}}, {"kind": "ruby:3.10", "default": true, "image": {"name": "r"}}, {"kind": "ruby:3.9", "image": {"name": "r"}},
			{"kind": "ruby:4.0", "deprecated": true, "image": {"name": "r"}}],
		"go": [{"kind": "go:1", "image": {"name": "g"}}], "odd": [{"kind": "odd:stable", "image": {"name": "o"}}]}}`)
	for kind, want := range map[string]string{
		"ruby:3.9": "ruby:3.9", "ruby:2.5": "ruby:3.1", "ruby:3.2": "ruby:3.9", "ruby:3.9.1": "ruby:3.9", "ruby:3": "ruby:3.1",
		"ruby:default": "ruby:3.10", "ruby:4.0": "ruby:4.0", "go:1.22": "go:1",
	} {
		r, err := m.Nearest(kind)
		if err != nil || r.Kind != want {
			t.Errorf("%s: got %+v, %v, want %s", kind, r, err, want)
		}
	}
	for _, kind := range []string{"ruby", "ruby:", "ruby:latest", "ruby:3.x", "ruby:-1", "ruby:5", "go:2", "odd:7", "perl:5", "perl:default", ""} {
		if r, err := m.Nearest(kind); !errors.Is(err, runtimes.ErrUnknownKind) {
			t.Errorf("%q: got %+v, %v, want %v", kind, r, err, runtimes.ErrUnknownKind)
		}
	}
}
