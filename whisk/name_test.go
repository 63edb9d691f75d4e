package whisk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"quirl/whisk"
)

func TestValidName(t *testing.T) {
	for _, name := range []string{"a", "_", "9", "a b", "a@b.c&d-e", "a-", "a@", "A_Z", "a  b", strings.Repeat("n", 256)} {
		if !whisk.ValidName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", " ", " a", "a ", "-a", ".a", "@a", "a/b", "a\tb", "a\n", "ä", "a+b", "a:b", "a\x00", "a\xff", strings.Repeat("n", 257)} {
		if whisk.ValidName(name) {
			t.Errorf("%q is taken for valid", name)
		}
	}
}

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		path      whisk.Path
		root, pkg string
	}{{"ns", "ns", ""}, {"ns/pkg", "ns", "pkg"}, {"", "", ""}} {
		if tt.path.Root() != tt.root || tt.path.Package() != tt.pkg {
			t.Errorf("%q: got root %q, package %q; want %q, %q", tt.path, tt.path.Root(), tt.path.Package(), tt.root, tt.pkg)
		}
	}
	if got := whisk.Path("ns").Join("pkg"); got != "ns/pkg" {
		t.Errorf("join: got %q", got)
	}
	if got := whisk.Path("ns").Join(""); got != "ns" {
		t.Errorf("join nothing: got %q", got)
	}
}

func TestParseFullName(t *testing.T) {
	for _, tt := range []struct{ text, id, failure string }{
		{"/ns/a", "ns/a", ""},
		{"ns/a", "ns/a", ""},
		{"/ns/pkg/a", "ns/pkg/a", ""},
		{"//ns///a/", "ns/a", ""},
		{" ns / a b ", "ns/a b", ""},
		{"/_/a", "_/a", ""},
		{"/a/b/c/d", "a/d", ""},
		{"", "", "path undefined"},
		{"///", "", "path undefined"},
		{"a", "", "at least the namespace and the name"},
		{"/a", "", "at least the namespace and the name"},
		{"/ns/-a", "", "path contains invalid parts Seq(ns, -a)"},
		{"/ä/a", "", "path contains invalid parts"},
	} {
		got, err := whisk.ParseFullName(tt.text)
		switch {
		case tt.failure != "":
			if err == nil || !strings.Contains(err.Error(), tt.failure) || whisk.KindOf(err) != whisk.BadRequest {
				t.Errorf("%q: got %v, %v; want an error with %q", tt.text, got, err, tt.failure)
			}
		case err != nil || got.ID() != tt.id || got.String() != "/"+tt.id:
			t.Errorf("%q: got %q, %v; want %q", tt.text, got.ID(), err, tt.id)
		}
	}
}

func TestResolve(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"/_/a", "/me/a"}, {"/_/pkg/a", "/me/pkg/a"}, {"/ns/a", "/ns/a"}, {"/ns/_/a", "/ns/_/a"},
	} {
		name, err := whisk.ParseFullName(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := name.Resolve("me").String(); got != tt.want {
			t.Errorf("%s for me: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestFullNameIsWrittenAsItIs(t *testing.T) {
	if got := string(whisk.Marshal(whisk.FullName{Path: "ns", Name: "a&b"})); got != `"/ns/a&b"` {
		t.Errorf("got %s", got)
	}
}

func FuzzParseFullName(f *testing.F) {
	for _, s := range []string{"/ns/a", "ns/pkg/a", "//a/b c/", "/_/a&b", "a/b/c/d", "/ä/b", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := whisk.ParseFullName(s)
		if err != nil {
			if whisk.KindOf(err) != whisk.BadRequest {
				t.Fatalf("%q: %v is not the user's error", s, err)
			}
			return
		}
		again, err := whisk.ParseFullName(name.String())
		if err != nil || again != name {
			t.Fatalf("%q reads as %v, which reads as %v, %v", s, name, again, err)
		}
		var decoded whisk.FullName
		if err := json.Unmarshal(whisk.Marshal(name), &decoded); err != nil || decoded != name {
			t.Fatalf("%q reads as %v, which comes back from JSON as %v, %v", s, name, decoded, err)
		}
	})
}

// TestParseReference is the table of dynamic references (contract: entities, section 1).
func TestParseReference(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a", "ns/a"},
		{"p/a", "ns/p/a"},
		{"/other/a", "other/a"},
		{"/other/p/a", "other/p/a"},
		{"other/p/a", "other/p/a"},
		{"/_/a", "ns/a"},
		{"_/p/a", "ns/p/a"},
		{"a b&c", "ns/a b&c"},
		{"/a", ""},
		{"a/b/c/d", ""},
		{"/a/b/c/d", ""},
		{"", ""},
		{"/", ""},
		{"invalid#Action", ""},
		{"p/a+b", ""},
	} {
		got, ok := whisk.ParseReference(tt.text, "ns")
		if ok != (tt.want != "") || ok && got.ID() != tt.want {
			t.Errorf("%q: got %v, %t; want %q", tt.text, got, ok, tt.want)
		}
	}
}
