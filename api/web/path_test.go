package web_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/api/web"
	"quirl/whisk"
)

// TestPaths has the tables of section 1 and 9.1 of the contract for web actions.
func TestPaths(t *testing.T) {
	name := func(path, name string) whisk.FullName { return whisk.FullName{Path: whisk.Path(path), Name: name} }
	for path, want := range map[string]web.Path{
		"ns/default/a":                {Name: name("ns", "a"), Extension: web.HTTP},
		"ns/pkg/a":                    {Name: name("ns/pkg", "a"), Extension: web.HTTP},
		"ns/pkg/a.http":               {Name: name("ns/pkg", "a"), Extension: web.HTTP, Explicit: true},
		"ns/pkg/a.json":               {Name: name("ns/pkg", "a"), Extension: web.JSON, Explicit: true},
		"ns/pkg/a.html":               {Name: name("ns/pkg", "a"), Extension: web.HTML, Explicit: true},
		"ns/pkg/a.svg":                {Name: name("ns/pkg", "a"), Extension: web.SVG, Explicit: true},
		"ns/pkg/a.text":               {Name: name("ns/pkg", "a"), Extension: web.Text, Explicit: true},
		"ns/pkg/a.xyz":                {Name: name("ns/pkg", "a.xyz"), Extension: web.HTTP},
		"ns/pkg/a.JSON":               {Name: name("ns/pkg", "a.JSON"), Extension: web.HTTP},
		"ns/pkg/a.jsonx":              {Name: name("ns/pkg", "a.jsonx"), Extension: web.HTTP},
		"ns/pkg/a.json.json":          {Name: name("ns/pkg", "a.json"), Extension: web.JSON, Explicit: true},
		"ns/pkg/a.json.http":          {Name: name("ns/pkg", "a.json"), Extension: web.HTTP, Explicit: true},
		"ns/pkg/a.json/":              {Name: name("ns/pkg", "a"), Extension: web.JSON, Explicit: true, Rest: "/"},
		"ns/pkg/a.json/content":       {Name: name("ns/pkg", "a"), Extension: web.JSON, Explicit: true, Rest: "/content"},
		"ns/pkg/a//b//c":              {Name: name("ns/pkg", "a"), Extension: web.HTTP, Rest: "//b//c"},
		"ns/pkg/a/x%20y%2Fz":          {Name: name("ns/pkg", "a"), Extension: web.HTTP, Rest: "/x%20y%2Fz"},
		"ns/pkg/a%20b.json":           {Name: name("ns/pkg", "a b"), Extension: web.JSON, Explicit: true},
		"me@example.com/default/a@1":  {Name: name("me@example.com", "a@1"), Extension: web.HTTP},
		"_/default/a":                 {Name: name("_", "a"), Extension: web.HTTP},
		"ns/default/default":          {Name: name("ns", "default"), Extension: web.HTTP},
		"ns/default/a.json/b.html?c":  {Name: name("ns", "a"), Extension: web.JSON, Explicit: true, Rest: "/b.html?c"},
		"whisk.system/default/x.json": {Name: name("whisk.system", "x"), Extension: web.JSON, Explicit: true},
	} {
		got, ok := web.ParsePath(path)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: got %v (-want +got):\n%s", path, ok, diff)
		}
	}
	for _, path := range []string{
		"", "a", "a/", "a/b", "a/b/", "/a", "//a", "ns//a", "/pkg/a", "ns/a.json", "ns/default/.json", "ns/default/.http",
		"ns/a%2Bb/c", "a%2Bb/default/c", "ns/default/a%2Bb.json", "ns/default/a%2", "ns/default/%ff", "ns/default/a%20", "ns/default/%20a",
	} {
		if got, ok := web.ParsePath(path); ok {
			t.Errorf("%q: got %+v, want no path of a web action", path, got)
		}
	}
}

func TestNoExtension(t *testing.T) {
	err := web.NoExtension()
	want := "Extension must be specified and one of [.http, .json, .html, .svg, .text]."
	if err.Error() != want || whisk.KindOf(err) != whisk.NotAcceptable {
		t.Errorf("got %v, want %s", err, want)
	}
}
