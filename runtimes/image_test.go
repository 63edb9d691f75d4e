package runtimes_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/runtimes"
)

func TestParseImage(t *testing.T) {
	for _, tt := range []struct {
		text string
		want runtimes.Image
	}{
		{"name", runtimes.Image{Name: "name"}},
		{"name:tag", runtimes.Image{Name: "name", Tag: "tag"}},
		{"openwhisk/example", runtimes.Image{Prefix: "openwhisk", Name: "example"}},
		{"a/b/c:1.2", runtimes.Image{Prefix: "a/b", Name: "c", Tag: "1.2"}},
		{"localhost/a", runtimes.Image{Registry: "localhost", Name: "a"}},
		{"127.0.0.1:5000/p/n:t", runtimes.Image{Registry: "127.0.0.1:5000", Prefix: "p", Name: "n", Tag: "t"}},
		{"my__image-x.y", runtimes.Image{Name: "my__image-x.y"}},
	} {
		got, err := runtimes.ParseImage(tt.text)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", tt.text, err, diff)
		}
		if got.String() != tt.text {
			t.Errorf("%s: printed as %s", tt.text, got)
		}
	}
	for _, text := range []string{"", "Foo/Bar", " a/b ", "a:b:c", "a/", "/a", "a//b", "a:", "-a", "a..b", "a:b c", "é"} {
		if got, err := runtimes.ParseImage(text); !errors.Is(err, runtimes.ErrImageName) {
			t.Errorf("%q: got %+v, %v, want ErrImageName", text, got, err)
		}
	}
}

func TestImageMatches(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a/b", "a/b:latest", true},
		{"a/b:1", "a/b:1", true},
		{"a/b:1", "a/b", false},
		{"a/b", "a/c", false},
	} {
		a, _ := runtimes.ParseImage(tt.a)
		b, _ := runtimes.ParseImage(tt.b)
		if got := a.Matches(b); got != tt.want {
			t.Errorf("%s matches %s: got %v", tt.a, tt.b, got)
		}
	}
}

func TestImageIn(t *testing.T) {
	a := runtimes.Image{Prefix: "p", Name: "n"}
	if got := a.In("127.0.0.1:5000/").String(); got != "127.0.0.1:5000/p/n" {
		t.Errorf("got %s", got)
	}
	if got := a.In("localhost").In("other.example").String(); got != "localhost/p/n" {
		t.Errorf("got %s", got)
	}
}

func FuzzParseImage(f *testing.F) {
	f.Add("localhost:5000/a/b:c")
	f.Fuzz(func(t *testing.T, text string) {
		if image, err := runtimes.ParseImage(text); err == nil && image.String() != text {
			t.Errorf("%q: printed as %q", text, image)
		}
	})
}
