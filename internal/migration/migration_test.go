package migration_test

import (
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"quirl/internal/migration"
)

func TestRead(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	all, err := migration.Read(fstest.MapFS{
		"migrations/0002_more_of_it.sql": file("two"), "migrations/0001_initial.sql": file("one"), "migrations/README.md": file("no step"),
	})
	if err != nil || len(all) != 2 || all[0] != (migration.Step{Number: 1, Name: "initial", SQL: "one"}) || all[1].Name != "more_of_it" {
		t.Errorf("got %+v, %v", all, err)
	}
	at := time.Unix(1, 0)
	if err := migration.Note(all, 2, at); err != nil || !all[0].Applied.IsZero() || all[1].Applied != at {
		t.Errorf("after step 2: %+v, %v", all, err)
	}
	for _, number := range []int{0, 3} {
		if err := migration.Note(all, number, at); !errors.Is(err, migration.ErrNewer) {
			t.Errorf("step %d: got %v", number, err)
		}
	}
	for _, name := range []string{"0002_a.sql", "a.sql", "_a.sql"} {
		if _, err := migration.Read(fstest.MapFS{"migrations/" + name: file("")}); err == nil {
			t.Errorf("%s alone was taken for step 1", name)
		}
	}
}
