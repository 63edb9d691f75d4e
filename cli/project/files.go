package project

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A file is one that may be packed.
type file struct {
	name       string // in the archive, with slashes
	path       string // where its content is
	executable bool
}

// scan lists the files below a folder, sorted by name. Symbolic links are followed
// within the folder; others are errors.
func scan(dir string, skip patterns) ([]file, error) {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("read the folder: %w", err)
	}
	w := &walker{root: root, skip: skip}
	if err := w.folder("", root, nil); err != nil {
		return nil, err
	}
	slices.SortFunc(w.files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return w.files, nil
}

type walker struct {
	root  string
	skip  patterns
	files []file
}

// folder lists one folder; above are those that lead to it.
func (w *walker) folder(name, dir string, above []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the folder: %w", err)
	}
	above = append(above, dir)
	for _, e := range entries {
		if err := w.entry(path.Join(name, e.Name()), filepath.Join(dir, e.Name()), e.Type(), above); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) entry(name, at string, mode os.FileMode, above []string) error {
	if w.skip.match(name, mode.IsDir()) {
		return nil
	}
	if mode&os.ModeSymlink != 0 {
		target, err := filepath.EvalSymlinks(at)
		if err != nil {
			return fmt.Errorf("the symbolic link %s leads nowhere: %w", name, err)
		}
		if target != w.root && !strings.HasPrefix(target, w.root+string(filepath.Separator)) {
			return fmt.Errorf("the symbolic link %s leads out of the folder, to %s: replace it by what it points at, or name it in %s", name, target, ignoreFile)
		}
		if slices.Contains(above, target) {
			return fmt.Errorf("the symbolic link %s leads to a folder that it lies in: name it in %s", name, ignoreFile)
		}
		at = target
	}
	info, err := os.Stat(at)
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", name, err)
	case info.IsDir() && mode&os.ModeSymlink != 0 && w.skip.match(name, true):
		return nil
	case info.IsDir():
		return w.folder(name, at, above)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file that can be packed: name it in %s", name, ignoreFile)
	}
	w.files = append(w.files, file{name: name, path: at, executable: info.Mode()&0o111 != 0})
	return nil
}

// copyTo copies a file, and makes the folders above it.
func (f file) copyTo(target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	from, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode())
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// mode is what an archive says of a file: only the executable bit is kept.
func (f file) mode() os.FileMode {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// digest is a name for the files' names, modes and content, and further texts.
func digest(files []file, also ...string) (string, error) {
	sum := sha256.New()
	for _, text := range also {
		fmt.Fprintf(sum, "%q\n", text)
	}
	for _, f := range files {
		content, err := os.Open(f.path)
		if err != nil {
			return "", err
		}
		of := sha256.New()
		_, err = io.Copy(of, content)
		if err := errors.Join(err, content.Close()); err != nil {
			return "", fmt.Errorf("read %s: %w", f.name, err)
		}
		fmt.Fprintf(sum, "%q %o %x\n", f.name, f.mode(), of.Sum(nil))
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}
