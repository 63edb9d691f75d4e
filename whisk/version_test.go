package whisk_test

import (
	"encoding/json"
	"testing"

	"quirl/whisk"
)

func TestParseVersion(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"1.2.3", "1.2.3"}, {"0.0.1", "0.0.1"}, {"1", "1.0.0"}, {"1.2", "1.2.0"}, {"1.2.3.4", "1.2.3"}, {"1.2.3.x", "1.2.3"}, {"01.2.3", "1.2.3"},
		{"", ""}, {"0", ""}, {"0.0.0", ""}, {"0.0.0.1", ""}, {"x", ""}, {"1.x", ""}, {"1..2", ""}, {"-1.0.0", ""}, {"+1.0.0", ""}, {"1.+2", ""},
		{" 1", ""}, {"1.2 ", ""}, {"99999999999999999999", ""}, {"1_0", ""},
	} {
		got, err := whisk.ParseVersion(tt.text)
		if tt.want == "" {
			if err == nil || whisk.KindOf(err) != whisk.BadRequest {
				t.Errorf("%q: got %v, %v; want a malformed-content error", tt.text, got, err)
			}
		} else if err != nil || got.String() != tt.want {
			t.Errorf("%q: got %v, %v; want %s", tt.text, got, err, tt.want)
		}
	}
	if got := (whisk.Version{Major: 1, Minor: 2, Patch: 9}).Next().String(); got != "1.2.10" {
		t.Errorf("after 1.2.9: got %s", got)
	}
	if got := whisk.FirstVersion().String(); got != "0.0.1" {
		t.Errorf("first: got %s", got)
	}
	for _, text := range []string{"1", "null", "{}", `"0.0.0"`} {
		var v whisk.Version
		if err := json.Unmarshal([]byte(text), &v); whisk.KindOf(err) != whisk.BadRequest {
			t.Errorf("JSON %s: got %v, %v; want a malformed-content error", text, v, err)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"1.2.3", "0.0.1", "1", "1..", "-1.0.0", "1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := whisk.ParseVersion(s)
		if err != nil {
			return
		}
		if v == (whisk.Version{}) || v.Major < 0 || v.Minor < 0 || v.Patch < 0 {
			t.Fatalf("%q reads as %v", s, v)
		}
		if again, err := whisk.ParseVersion(v.String()); err != nil || again != v {
			t.Fatalf("%q reads as %v, which reads as %v, %v", s, v, again, err)
		}
	})
}
