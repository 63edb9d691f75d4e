// Package migration reads the numbered steps by which the schema of a database grows.
//
// A step that was released is never changed. Stores apply each in a transaction of its own and
// note its number in a table, so that one that was cut off leaves nothing and is done again.
package migration

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Step is one of a schema.
type Step struct {
	Number  int
	Name    string
	SQL     string
	Applied time.Time // zero when it was not
}

// ErrNewer says that the database was migrated by a newer version of the program.
var ErrNewer = errors.New("the database has migrations that this version does not know: use the newer one")

// Read returns the steps of the files migrations/NUMBER_NAME.sql, in order; the numbers
// begin at 1 and have no gap.
func Read(files fs.FS) ([]Step, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	all := make([]Step, len(names))
	for i, file := range names {
		text, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, err
		}
		number, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
		all[i] = Step{Name: name, SQL: string(text)}
		if all[i].Number, err = strconv.Atoi(number); err != nil || all[i].Number != i+1 {
			return nil, fmt.Errorf("migration %s does not have the number %d", file, i+1)
		}
	}
	return all, nil
}

// Note marks the step of a number as applied; one that is not among them is ErrNewer.
func Note(all []Step, number int, applied time.Time) error {
	if number < 1 || number > len(all) {
		return ErrNewer
	}
	all[number-1].Applied = applied
	return nil
}
