package ociimage

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	// whiteout and opaque are the names by which a layer takes away what those below
	// it have (OCI image specification, "layer").
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"

	// maxLinks bounds the symbolic links on the way to one file.
	maxLinks = 40
	// entrySize is what each entry counts besides its content.
	entrySize = 512
)

var (
	errTooLarge = errors.New("the image is too large")
	errWhiteout = errors.New("takes nothing away")
)

// unpackInto writes an image into an empty folder and returns its size in bytes.
func unpackInto(ctx context.Context, dir string, image v1.Image, digest v1.Hash, maxSize int64) (int64, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return 0, err
	}
	layers, err := image.Layers()
	if err != nil {
		return 0, err
	}
	place := filepath.Join(dir, rootName)
	if err := errors.Join(os.Mkdir(place, 0o755), os.Chmod(place, 0o755)); err != nil {
		return 0, err
	}
	root, err := os.OpenRoot(place)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	u := &unpacker{ctx: ctx, root: root, room: maxSize}
	for _, layer := range layers {
		if err := u.layer(layer); err != nil {
			return 0, err
		}
	}
	text, err := json.Marshal(describe(config, digest))
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(filepath.Join(dir, configName), text, 0o600); err != nil {
		return 0, err
	}
	return maxSize - u.room, syncFiles(place)
}

// An unpacker writes the layers of one image, the lowest first.
type unpacker struct {
	ctx  context.Context
	root *os.Root
	room int64           // that is left, in bytes
	made map[string]bool // what the present layer has
}

func (u *unpacker) layer(layer v1.Layer) error {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	u.made = make(map[string]bool)
	for entries := tar.NewReader(content); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = u.ctx.Err()
		}
		if err == nil {
			err = u.entry(header, entries)
		}
		if err != nil {
			return err
		}
	}
	// The digest is compared at the end of all data, not at that of the archive.
	_, err = io.Copy(io.Discard, content)
	return err
}

func (u *unpacker) entry(header *tar.Header, content io.Reader) error {
	name := inside(header.Name)
	if name == "." {
		return nil
	}
	if u.room -= entrySize; u.room < 0 {
		return errTooLarge
	}
	folder, err := u.folder(path.Dir(name))
	if err != nil {
		return fmt.Errorf("%s: %w", header.Name, err)
	}
	at := path.Join(folder, path.Base(name))
	if err := u.write(header, at, content); err != nil {
		return fmt.Errorf("%s: %w", header.Name, err)
	}
	return nil
}

func (u *unpacker) write(header *tar.Header, at string, content io.Reader) error {
	base := path.Base(at)
	switch {
	case base == opaque:
		return u.clear(path.Dir(at))
	case strings.HasPrefix(base, whiteout):
		return u.takeAway(path.Dir(at), base[len(whiteout):])
	}
	u.made[at] = true
	switch header.Typeflag {
	case tar.TypeDir:
		return u.makeFolder(at)
	case tar.TypeReg:
		return u.makeFile(header, at, content)
	case tar.TypeSymlink:
		if err := u.root.RemoveAll(at); err != nil {
			return err
		}
		return u.root.Symlink(header.Linkname, at)
	case tar.TypeLink:
		return u.makeLink(header.Linkname, at)
	}
	return nil // devices and the like
}

// takeAway removes what layers below have.
func (u *unpacker) takeAway(dir, name string) error {
	if name == "" || name == "." || name == ".." {
		return errWhiteout
	}
	return u.root.RemoveAll(path.Join(dir, name))
}

// makeFolder makes a folder that everybody may use. One that is there keeps what
// is in it.
func (u *unpacker) makeFolder(at string) error {
	info, err := u.root.Lstat(at)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		err = u.root.Remove(at)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := u.root.Mkdir(at, 0o777); err != nil {
		return err
	}
	return u.root.Chmod(at, 0o777) // whatever the umask
}

func (u *unpacker) makeFile(header *tar.Header, at string, content io.Reader) error {
	if u.room -= header.Size; u.room < 0 {
		return errTooLarge
	}
	if err := u.root.RemoveAll(at); err != nil {
		return err
	}
	file, err := u.root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	mode := fs.FileMode(0o666)
	if header.Mode&0o111 != 0 {
		mode = 0o777
	}
	if err := errors.Join(err, file.Chmod(mode), file.Close()); err != nil {
		return err
	}
	// Programs compare times: Python those of its compiled files, for one.
	return u.root.Chtimes(at, header.ModTime, header.ModTime)
}

func (u *unpacker) makeLink(target, at string) error {
	target = inside(target)
	folder, err := u.folder(path.Dir(target))
	if err != nil {
		return err
	}
	if target = path.Join(folder, path.Base(target)); target == at {
		return nil
	}
	if err := u.root.RemoveAll(at); err != nil {
		return err
	}
	return u.root.Link(target, at)
}

// clear takes out of a folder what layers below the present one have put there.
func (u *unpacker) clear(dir string) error {
	folder, err := u.root.Open(dir)
	if err != nil {
		return err
	}
	entries, err := folder.ReadDir(-1)
	if err := errors.Join(err, folder.Close()); err != nil {
		return err
	}
	for _, e := range entries {
		at := path.Join(dir, e.Name())
		switch {
		case !u.made[at]:
			err = u.root.RemoveAll(at)
		case e.IsDir():
			err = u.clear(at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// folder returns where a folder of the image really is, as links inside of it see
// the image's root as "/". What is missing is made.
func (u *unpacker) folder(name string) (string, error) {
	at, steps, links := ".", strings.Split(name, "/"), 0
	for len(steps) > 0 {
		step := steps[0]
		steps = steps[1:]
		if step == "" || step == "." {
			continue
		}
		if step == ".." {
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, step)
		info, err := u.root.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := u.makeFolder(next); err != nil {
				return "", err
			}
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", errors.New("too many symbolic links")
			}
			target, err := u.root.Readlink(next)
			if err != nil {
				return "", err
			}
			if path.IsAbs(target) {
				at = "."
			}
			steps = append(strings.Split(target, "/"), steps...)
			continue
		case !info.IsDir():
			return "", fmt.Errorf("%s is not a folder", next)
		}
		at = next
	}
	return at, nil
}

// inside is a name of an archive as a path below the image's root.
func inside(name string) string {
	if clean := path.Clean("/" + name)[1:]; clean != "" {
		return clean
	}
	return "."
}
