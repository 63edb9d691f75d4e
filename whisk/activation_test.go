package whisk_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"quirl/whisk"
)

func TestActivationIDsGrow(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$`)
	last := whisk.ActivationID("")
	now := time.Now()
	for i, at := range []time.Time{now, now, now.Add(-time.Hour), now.Add(time.Microsecond), now.Add(time.Millisecond), now.Add(time.Minute)} {
		for range 10_000 { // more than the counter within a millisecond holds
			id := whisk.NewActivationID(at)
			if id <= last || !form.MatchString(string(id)) {
				t.Fatalf("time %d: %s came after %s", i, id, last)
			}
			last = id
		}
	}
	if _, err := whisk.ParseActivationID(string(last)); err != nil {
		t.Error(err)
	}
}

func TestActivationIDsAreUnique(t *testing.T) {
	const goroutines, each = 8, 5_000
	ids := make([][]whisk.ActivationID, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for range each {
				ids[g] = append(ids[g], whisk.NewActivationID(time.Now()))
			}
		})
	}
	wg.Wait()
	seen := make(map[whisk.ActivationID]bool)
	for g, mine := range ids {
		for i, id := range mine {
			if seen[id] {
				t.Fatalf("%s was made twice", id)
			}
			seen[id] = true
			if i > 0 && id <= mine[i-1] {
				t.Fatalf("goroutine %d: %s came after %s", g, id, mine[i-1])
			}
		}
	}
}

// TestActivationIDsTellTheirTime is far in the future, for later ids of this
// process grow from there, and the last one beyond 2041.
func TestActivationIDsTellTheirTime(t *testing.T) {
	for year := 2040; year <= 2200; year += 40 {
		at := time.Date(year, 5, 17, 1, 2, 3, 987_654_321, time.UTC)
		if !at.After(future) { // with -count
			continue
		}
		future = at
		id := whisk.NewActivationID(at)
		if got, err := strconv.ParseInt(string(id[:12]), 16, 64); err != nil || got != at.UnixMilli() {
			t.Errorf("%s of %v: got %d ms, want %d", id, at, got, at.UnixMilli())
		}
	}
}

var future time.Time

func TestParseActivationID(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "Activation id length is 0 but must be 32.",
		"abc":                              "Activation id length is 3 but must be 32.",
		strings.Repeat("ä", 33):            "Activation id length is 33 but must be 32.",
		strings.Repeat("ä", 32):            "The activation id is not valid.",
		"0123456789ABCDEF0123456789ABCDEF": "The activation id is not valid.",
		"0123456789abcdef0123456789abcde/": "The activation id is not valid.",
		"0123456789abcdef0123456789abcdef": "",
	} {
		got, err := whisk.ParseActivationID(text)
		if want == "" && (err != nil || string(got) != text) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestFilterName(t *testing.T) {
	for _, tt := range []struct{ path, binding, want string }{
		{"", "", "a"},
		{"ns/a", "", "a"},
		{"ns/pkg/a", "", "pkg/a"},
		{"provider/pkg/a", "ns/bound", "bound/a"},
		{"ns/a", "ns/bound", "bound/a"},
		{"ns/pkg/a", "nonsense", "pkg/a"},
	} {
		a := whisk.Activation{Name: "a"}
		if tt.path != "" {
			a.Annotations = a.Annotations.WithValue("path", tt.path)
		}
		if tt.binding != "" {
			a.Annotations = a.Annotations.WithValue("binding", tt.binding)
		}
		if got := a.FilterName(); got != tt.want {
			t.Errorf("path %q, binding %q: got %q, want %q", tt.path, tt.binding, got, tt.want)
		}
	}
	odd := whisk.Activation{Name: "a", Annotations: whisk.Parameters{}.WithValue("path", 7).WithValue("binding", nil)}
	if got := odd.FilterName(); got != "a" {
		t.Errorf("annotations that are no text: got %q, want a", got)
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("cause")
	err := error(&whisk.Error{Kind: whisk.NotFound, Message: "message", Cause: cause})
	if err.Error() != "message: cause" || !errors.Is(err, cause) || whisk.KindOf(errors.Join(err)) != whisk.NotFound || whisk.KindOf(cause) != whisk.Internal {
		t.Errorf("%v: wrong text, cause or kind", err)
	}
}

func TestKeys(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}:[A-Za-z0-9]{64}$`)
	one, two := whisk.NewKey(), whisk.NewKey()
	if !form.MatchString(one.String()) || one.UUID == two.UUID || one.Secret == two.Secret {
		t.Errorf("got keys %s and %s", one, two)
	}
}
