package cli

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"hello", "help", "tools/ant", "Über", "x"}
	for given, want := range map[string]string{
		"helo": "hello", "hlelo": "hello", "hel": "help", "Hello": "hello", "tools/aunt": "tools/ant", "ueber": "Über",
		"hello": "", "y": "", "": "", "nothing": "", "ant": "",
	} {
		if got := nearest(given, names); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
	for _, tt := range []struct {
		x, y string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"ä", "a", 1}} {
		if got := distance(tt.x, tt.y); got != tt.want {
			t.Errorf("%q %q: got %d, want %d", tt.x, tt.y, got, tt.want)
		}
	}
}
