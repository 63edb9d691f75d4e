package runtimes_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quirl/runtimes"
)

func load(t *testing.T, doc string) *runtimes.Manifest {
	t.Helper()
	m, err := runtimes.Load([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBuiltin(t *testing.T) {
	want := []string{
		"bun:1", "deno:2", "dotnet:10.0", "dotnet:8.0", "go:1", "java:17", "java:21", "java:25",
		"nodejs:18", "nodejs:20", "nodejs:22", "nodejs:24",
		"php:8.1", "php:8.2", "php:8.3", "php:8.4",
		"python:3", "python:3.10", "python:3.11", "python:3.12", "python:3.13", "python:3.14", "python:3.9",
		"ruby:3.1", "ruby:3.2", "ruby:3.3", "ruby:3.4",
		"rust:1",
		"swift:5.10", "swift:6.0",
	}
	m := runtimes.Builtin()
	if diff := cmp.Diff(want, m.Kinds()); diff != "" {
		t.Error(diff)
	}
	for _, kind := range m.Kinds() {
		r, err := m.Resolve(kind)
		if err != nil || r.Local == nil || r.Local.Host.Mend == "" {
			t.Errorf("%s: want a kind that can run here, with advice: %+v, %v", kind, r, err)
		}
	}
}

// The members are those of OpenWhisk's own files, also the ones we do not use.
func TestLoadOpenWhiskManifest(t *testing.T) {
	doc, err := os.ReadFile("testdata/openwhisk.json")
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, string(doc))
	got, err := m.Resolve("nodejs:20")
	if err != nil {
		t.Fatal(err)
	}
	want := &runtimes.Runtime{
		Kind: "nodejs:20", Family: "nodejs", Default: true, SentinelledLogs: true,
		Image:    runtimes.Image{Prefix: "openwhisk", Name: "action-nodejs-v20", Tag: "nightly"},
		Attached: &runtimes.Attachment{Name: "codefile", Type: "text/plain"},
		StemCells: []runtimes.StemCell{{
			InitialCount: 2, Memory: 256 << 20,
			Reactive: &runtimes.Reactive{MinCount: 1, MaxCount: 4, TTL: 2 * time.Minute, Threshold: 1, Increment: 1},
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	java, err := m.Resolve("java:default") // a single version is the default
	if err != nil || !java.RequireMain || java.SentinelledLogs {
		t.Errorf("java:default: got %+v, %v", java, err)
	}
	if !m.IsBlackbox(runtimes.Image{Prefix: "openwhisk", Name: "dockerskeleton", Tag: "nightly"}) {
		t.Error("dockerskeleton is not among the blackboxes")
	}
}

func TestResolve(t *testing.T) {
	m := runtimes.Builtin()
	for _, tt := range []struct{ kind, want string }{
		{"nodejs:default", "nodejs:20"},
		{"nodejs:22", "nodejs:22"},
		{"python:default", "python:3"},
		{"python:3.12", "python:3.12"},
		{"nodejs", ""},
		{"nodejs:", ""},
		{"cobol:default", ""},
		{"", ""},
	} {
		r, err := m.Resolve(tt.kind)
		switch {
		case tt.want == "" && !errors.Is(err, runtimes.ErrUnknownKind):
			t.Errorf("%q: got %v, %v, want ErrUnknownKind", tt.kind, r, err)
		case tt.want != "" && (err != nil || r.Kind != tt.want):
			t.Errorf("%q: got %+v, %v, want %s", tt.kind, r, err, tt.want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	family := func(kinds string) string { return `{"runtimes": {"a": [` + kinds + `]}}` }
	cell := func(cell string) string {
		return family(`{"kind": "a:1", "image": {"name": "a"}, "stemCells": [` + cell + `]}`)
	}
	reactive := func(reactive string) string {
		return cell(`{"initialCount": 1, "memory": "1 MB", "reactive": ` + reactive + `}`)
	}
	for _, tt := range []struct{ name, doc, want string }{
		{"no JSON", `{`, "unexpected end"},
		{"no default", family(`{"kind": "a:1", "image": {"name": "a"}}, {"kind": "a:2", "image": {"name": "a"}}`), "0 default kinds"},
		{"two defaults", family(`{"kind": "a:1", "default": true, "image": {"name": "a"}}, {"kind": "a:2", "default": true, "image": {"name": "a"}}`), "2 default kinds"},
		{"the same twice", family(`{"kind": "a:1", "default": true, "image": {"name": "a"}}, {"kind": "a:1", "image": {"name": "a"}}`), "twice"},
		{"no name", family(`{"image": {"name": "a"}}`), "has no name"},
		{"no image", family(`{"kind": "a:1"}`), "has no image"},
		{"bad image", family(`{"kind": "a:1", "image": {"name": "A B"}}`), "image name"},
		{"no count", cell(`{"memory": "1 MB"}`), "initialCount"},
		{"count 0", cell(`{"initialCount": 0, "memory": "1 MB"}`), "initialCount"},
		{"no memory", cell(`{"count": 1}`), "memory"},
		{"memory 0", cell(`{"count": 1, "memory": "0 MB"}`), "memory"},
		{"memory without unit", cell(`{"count": 1, "memory": "256"}`), "memory"},
		{"min above max", reactive(`{"minCount": 5, "maxCount": 4, "ttl": "2 minutes", "threshold": 1, "increment": 1}`), "minCount"},
		{"max 0", reactive(`{"minCount": 0, "maxCount": 0, "ttl": "2 minutes", "threshold": 1, "increment": 1}`), "maxCount"},
		{"increment above max", reactive(`{"minCount": 0, "maxCount": 4, "ttl": "2 minutes", "threshold": 1, "increment": 5}`), "increment"},
		{"bad ttl", reactive(`{"minCount": 0, "maxCount": 4, "ttl": "soon", "threshold": 1, "increment": 1}`), "ttl"},
		{"pattern without group", family(`{"kind": "a:1", "image": {"name": "a"}, "quirl": {"runtime": "r", "host": {"names": ["n"], "args": ["x"], "pattern": "y"}}}`), "no group"},
	} {
		_, err := runtimes.Load([]byte(tt.doc))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error about %q", tt.name, err, tt.want)
		}
	}
}

func TestInfo(t *testing.T) {
	m := load(t, `{"runtimes": {"nodejs": [{"kind": "nodejs:20", "default": true, "deprecated": false,
		"attached": {"attachmentName": "codefile", "attachmentType": "text/plain"},
		"image": {"prefix": "openwhisk", "name": "action-nodejs-v20", "tag": "nightly"}}]}}`)
	doc, err := m.Info()
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatal(err)
	}
	wanted := `{"nodejs": [{"kind": "nodejs:20", "image": "openwhisk/action-nodejs-v20:nightly", "deprecated": false,
		"default": true, "attached": true, "requireMain": false}]}`
	if err := json.Unmarshal([]byte(wanted), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzLoad(f *testing.F) {
	doc, err := os.ReadFile("testdata/openwhisk.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add([]byte(`{"runtimes":{"a":[null]},"blackboxes":null}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		m, err := runtimes.Load(doc)
		if err != nil {
			return
		}
		for family, kinds := range m.Families {
			for _, r := range kinds {
				if got, err := m.Resolve(r.Kind); err != nil || got.Kind != r.Kind {
					t.Errorf("kind %q of family %q does not resolve: %v", r.Kind, family, err)
				}
			}
		}
	})
}
