package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// suggest looks, when a named entity is not there, for one whose name is nearly that, and
// keeps it for the hint; wsk does not.
func (a *app) suggest(ctx context.Context, cmd *cobra.Command, args []string, err error) {
	if a.isWsk() || len(args) == 0 || !isNotFound(err) {
		return
	}
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	collections := completions[path]
	name, parseErr := a.parseEntity(args[0])
	if len(collections) == 0 || cmd.Name() == "update" || parseErr != nil || name.namespace != "_" {
		return // an update makes what is not there: it is something else that is missing
	}
	a.likely = nearest(name.entity, a.namesOf(ctx, collections[0]))
}

// nearest is the name that differs least from what was given, in two letters at most and
// in less than half of them; empty when there is none.
func nearest(given string, names []string) string {
	if slices.Contains(names, given) { // it is something else that is missing
		return ""
	}
	best, found := min(3, (len(given)+1)/2), ""
	for _, name := range names {
		if d := distance(strings.ToLower(given), strings.ToLower(name)); d < best {
			best, found = d, name
		}
	}
	return found
}

// distance is how many letters have to be added, removed or changed, or exchanged with
// their neighbours, to make one text of another (the optimal string alignment).
func distance(x, y string) int {
	a, b := []rune(x), []rune(y)
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range b {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
