package whisk_test

import (
	"testing"

	"quirl/whisk"
)

func TestIsBinary(t *testing.T) {
	for code, want := range map[string]bool{
		"abcd": true, "UEsDBA==": true, " UEsDBA==\n": true, "ab+/": true, "": false, "  ": false, "abc": false, "abcde": false,
		"ab_d": false, "ab-d": false, "a===": false, "ab=d": false, "ab c": false, "äbc": false, "function main() {}": false,
	} {
		if got := whisk.IsBinary(code); got != want {
			t.Errorf("%q: got %t, want %t", code, got, want)
		}
	}
}

func TestStoredCodeComesBack(t *testing.T) {
	for _, tt := range []struct {
		code    string
		binary  bool
		decoded bool
	}{
		{"UEsDBA==", true, true},
		{"UEsDBA==", false, false},
		{"UEsDBB==", true, false}, // not what encoding gives: the last digit has spare bits
		{"UEsD\nBA==", true, false},
		{" UEsDBA==", true, false},
		{"not base64", true, false},
		{"function main() {}", false, false},
		{"", true, true},
	} {
		stored, decoded := whisk.Stored(tt.code, tt.binary)
		if decoded != tt.decoded {
			t.Errorf("%q, binary %t: got decoded = %t", tt.code, tt.binary, decoded)
		}
		if got := (&whisk.Attachment{Decoded: decoded}).Text(stored); got != tt.code {
			t.Errorf("%q, binary %t: comes back as %q", tt.code, tt.binary, got)
		}
	}
}

func TestExecSize(t *testing.T) {
	e := whisk.Exec{Code: ptr("12345"), Main: "ab", Image: "c", Components: []whisk.FullName{{Path: "ns", Name: "a"}}}
	if got := e.Size(); got != 5+2+1+4 {
		t.Errorf("got %d, want 12", got)
	}
}

func TestTruthy(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "null": false, "false": false, `""`: false, "0": false, "0.0": false, "-0": false,
		"true": true, "1": true, `"0"`: true, `"false"`: true, "{}": true, "[]": true,
	} {
		if got := whisk.Truthy([]byte(text)); got != want {
			t.Errorf("%s: got %t, want %t", text, got, want)
		}
	}
}
