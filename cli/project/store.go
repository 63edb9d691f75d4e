package project

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A store is the folder that keeps what was made for one project. What is in it is
// named by what it was made from and complete when it has that name, so that builds of
// the same project can run at once.
type store struct {
	dir  string
	used *[]string
}

// lifetime is how long things stay that another build may use at the moment; folders
// of projects that are not built any more are kept for abandoned.
const (
	lifetime  = time.Hour
	abandoned = 60 * 24 * time.Hour
)

// openStore makes the folder for the project in path.
func openStore(cache, path string) (store, error) {
	sum := sha256.Sum256([]byte(path))
	s := store{dir: filepath.Join(cache, hex.EncodeToString(sum[:12])), used: new([]string)}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return s, fmt.Errorf("make a folder to build in: %w", err)
	}
	return s, os.Chtimes(s.dir, time.Time{}, time.Now())
}

func (s store) archive(digest string) (string, bool)      { return s.find("archive-" + digest) }
func (s store) dependencies(digest string) (string, bool) { return s.find("dependencies-" + digest) }

// find returns what is kept under a name; it is used from now on.
func (s store) find(name string) (string, bool) {
	path := filepath.Join(s.dir, name)
	*s.used = append(*s.used, name)
	return path, os.Chtimes(path, time.Time{}, time.Now()) == nil
}

// temporary makes a folder that its user removes.
func (s store) temporary(name string) (string, error) {
	dir, err := os.MkdirTemp(s.dir, name+"-")
	if err != nil {
		return "", fmt.Errorf("make a folder to build in: %w", err)
	}
	return dir, nil
}

// keepFile moves an archive into the store.
func (s store) keepFile(path, digest string) (string, error) {
	kept, _ := s.archive(digest)
	if err := os.Rename(path, kept); err != nil {
		return "", fmt.Errorf("keep the archive: %w", err)
	}
	return kept, nil
}

// keepOutputs moves what an install has left in the folder work into the store.
func (s store) keepOutputs(work string, outputs []string, digest string) (string, error) {
	next, err := s.temporary("new")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(next) }()
	tree := filepath.Join(next, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return "", err
	}
	for _, o := range outputs {
		if err := moveOutput(filepath.Join(work, o), filepath.Join(tree, o)); err != nil {
			return "", fmt.Errorf("keep the dependencies: %w", err)
		}
	}
	kept, _ := s.dependencies(digest)
	if err := os.Rename(tree, kept); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("keep the dependencies: %w", err)
	}
	return kept, nil
}

// moveOutput moves a file or folder; an install may have had nothing to do.
func moveOutput(from, to string) error {
	if _, err := os.Lstat(from); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// tidy removes what this build has not used and no other one can be using, and the
// folders of projects that were not built for long. What cannot be removed stays.
func (s store) tidy() {
	used := map[string]bool{}
	for _, name := range *s.used {
		used[name] = true
	}
	removeOld(s.dir, lifetime, used)
	removeOld(filepath.Dir(s.dir), abandoned, map[string]bool{filepath.Base(s.dir): true})
}

func removeOld(dir string, age time.Duration, except map[string]bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !except[e.Name()] && time.Since(info.ModTime()) > age {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
