package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quirl/admin"
	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/whisk"
)

// A backup is a folder with a copy of the embedded store: the database, the code, and the records
// that are not in the database yet. Its file backupFile is written last: a folder without it
// is none.
type backup struct {
	Made  time.Time `json:"made"`
	Build string    `json:"build"`
	// Attachments is the number of pieces of code.
	Attachments int `json:"attachments"`
}

const (
	backupFile     = "backup.json"
	backupDatabase = "quirl.db"
)

func backupCommands(load func() (serveConfig, error), stdout io.Writer) []*cobra.Command {
	of := func(use, short, long string, do func(ctx context.Context, file, data, dir string) (*backup, error), said string) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Long: long, RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &admin.Error{Code: 2, Text: "A folder is required."}
			}
			cfg, err := load()
			if err != nil {
				return err
			}
			file, ok := sqliteFile(cfg.Store, cfg.Data)
			if !ok {
				return &admin.Error{Code: 1, Text: "the store is not the embedded one: use the database's own tools, for example pg_dump"}
			}
			b, err := do(cmd.Context(), file, cfg.Data, args[0])
			if err != nil {
				return mendFile(err)
			}
			fmt.Fprintf(stdout, said+"\n", args[0], b.Attachments, b.Made.Format(time.RFC3339))
			return nil
		}}
	}
	return []*cobra.Command{
		of("backup FOLDER", "copy the embedded store to a new folder, while it is used",
			"backup copies the database, the code and the records under way to a new folder. What was confirmed before it began is in it.",
			makeBackup, "the backup %s has the database and %d pieces of code, of %s"),
		of("restore FOLDER", "put a backup in the place of the data folder, which must have no database",
			"restore checks a backup and copies it to the data folder (--data), in which there must be no database. No server may run there.",
			restoreBackup, "the backup %s was checked and restored: the database and %d pieces of code, of %s"),
	}
}

// makeBackup copies in the order in which nothing is missed: a record is in the redo log
// before it is in the database, and code is kept before an entity names it.
func makeBackup(ctx context.Context, file, data, dir string) (*backup, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("there is no database: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the backup needs a folder of its own: %w", err)
	}
	if _, err := copyTree(filepath.Join(data, "redo"), filepath.Join(dir, "redo")); err != nil {
		return nil, err
	}
	if err := sqlitestore.Backup(ctx, file, filepath.Join(dir, backupDatabase)); err != nil {
		return nil, err
	}
	n, err := copyTree(filepath.Join(data, "attachments"), filepath.Join(dir, "attachments"))
	if err != nil {
		return nil, err
	}
	build, _ := buildInfo()
	b := &backup{Made: time.Now().UTC().Truncate(time.Second), Build: build, Attachments: n}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return nil, err
	}
	return b, os.WriteFile(filepath.Join(dir, backupFile), append(text, '\n'), 0o600)
}

func restoreBackup(ctx context.Context, file, data, dir string) (*backup, error) {
	text, err := os.ReadFile(filepath.Join(dir, backupFile))
	if err != nil {
		return nil, fmt.Errorf("%s is no backup, or one that was cut off: %w", dir, err)
	}
	b := &backup{}
	if err := json.Unmarshal(text, b); err != nil {
		return nil, fmt.Errorf("%s: %w", backupFile, err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is a database already, %s: name another folder with --data, or move it away", file)
	}
	if err := checkBackup(ctx, dir, b.Attachments); err != nil {
		return nil, err
	}
	for _, part := range []string{"redo", "attachments"} {
		if _, err := copyTree(filepath.Join(dir, part), filepath.Join(data, part)); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	// The database comes last, and at once: a data folder that has it is whole.
	temporary := file + ".restored"
	if err := copyFile(filepath.Join(dir, backupDatabase), temporary); err != nil {
		return nil, err
	}
	return b, os.Rename(temporary, file)
}

// checkBackup reads all of a backup: the database, the code by its sums, and that each action's code is there.
func checkBackup(ctx context.Context, dir string, attachments int) error {
	if err := sqlitestore.Check(ctx, filepath.Join(dir, backupDatabase)); err != nil {
		return err
	}
	sums := map[string]bool{}
	err := eachFile(filepath.Join(dir, "attachments"), func(path string) error {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		name := hex.EncodeToString(sum[:])
		if filepath.Base(path) != name {
			return fmt.Errorf("the code %s is damaged", path)
		}
		sums[name] = true
		return nil
	})
	if err != nil {
		return err
	}
	if len(sums) != attachments {
		return fmt.Errorf("the backup has %d pieces of code of %d", len(sums), attachments)
	}
	return checkCode(ctx, dir, sums)
}

func checkCode(ctx context.Context, dir string, sums map[string]bool) (err error) {
	// It is opened as a copy: opening writes, and a backup is not to change.
	temporary, err := os.MkdirTemp("", "quirl-check-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	file := filepath.Join(temporary, backupDatabase)
	if err := copyFile(filepath.Join(dir, backupDatabase), file); err != nil {
		return err
	}
	s, err := sqlitestore.Open(ctx, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return store.Walker(s).WalkEntities(ctx, "", func(e whisk.Entity) error {
		a, ok := e.(*whisk.Action)
		if ok && a.Exec.Attachment != nil && !sums[a.Exec.Attachment.SHA256] {
			return fmt.Errorf("the code of the action %s is missing", a.FullName().ID())
		}
		return nil
	})
}

// copyTree copies the files of a folder, if there is one, and returns their number. Files that
// vanish meanwhile are passed over.
func copyTree(from, to string) (n int, err error) {
	err = eachFile(from, func(path string) error {
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		err = copyFile(path, filepath.Join(to, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		n++
		return err
	})
	return n, err
}

// eachFile calls do for the regular files of a folder, but for those that are not whole yet,
// whose names begin with a dot; there may be no such folder.
func eachFile(dir string, do func(path string) error) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") {
			err = do(path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
