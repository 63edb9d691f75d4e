// Package storytest holds code against stories: text files that tell what happens
// and, below each line, what comes of it.
package storytest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the stories in testdata")

// Run plays each testdata/*.txt as a test of its own: play returns the story as
// the code tells it, which must be the file's text. With -update the files become
// what play returns.
func Run(t *testing.T, play func(t *testing.T, story string) string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s tells another story (-file +code):\n%s", file, diff)
			}
		})
	}
}
