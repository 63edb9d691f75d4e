// Package archive unpacks the archives in which the code of actions comes: zip and
// tar.gz, as OpenWhisk's clients send them.
//
// It promises that nothing is written outside of the folder, whatever the archive
// says: names that lead out of it, links, and devices are refused with the whole
// archive; so are archives that unpack to more than their Limits, which is found out
// before the disk is full. It uses the standard library alone, because it also runs
// inside of containers.
package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

var (
	// ErrFormat says that something is neither a zip nor a tar.gz file.
	ErrFormat = errors.New("it is neither a zip nor a tar.gz file")
	// ErrUnsafe says that an archive has an entry that may not be unpacked.
	ErrUnsafe = errors.New("unsafe entry")
	// ErrTooLarge says that an archive unpacks to more than its Limits.
	ErrTooLarge = errors.New("it unpacks to more than is allowed")
)

// Limits bound what an archive may unpack to.
type Limits struct {
	Bytes int64 // of all files together
	Files int   // and folders
}

// DefaultLimits are generous: no action of 48 MB needs them.
var DefaultLimits = Limits{Bytes: 2 << 30, Files: 200_000}

func isZip(data []byte) bool  { return bytes.HasPrefix(data, []byte("PK")) }
func isGzip(data []byte) bool { return bytes.HasPrefix(data, []byte{0x1f, 0x8b}) }

// Is says that data begins like an archive.
func Is(data []byte) bool { return isZip(data) || isGzip(data) }

// Unpack writes what is in data, a zip or tar.gz file, into the existing folder dir.
// Everybody may read and write what was unpacked; of the modes in the archive only
// the executable bits count. When it fails, dir holds a part.
func Unpack(data []byte, dir string, limits Limits) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	u := unpacker{root: root, left: limits}
	switch {
	case isZip(data):
		err = u.unzip(data)
	case isGzip(data):
		err = u.untar(data)
	default:
		err = ErrFormat
	}
	return err
}

type unpacker struct {
	root *os.Root
	left Limits
}

func (u *unpacker) unzip(data []byte) error {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, f := range r.File {
		err := u.entry(f.Name, f.Mode(), func() (io.ReadCloser, error) { return f.Open() })
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) untar(data []byte) error {
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		mode := h.FileInfo().Mode()
		if h.Typeflag == tar.TypeLink {
			mode |= fs.ModeIrregular
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := u.entry(h.Name, mode, func() (io.ReadCloser, error) { return io.NopCloser(r), nil }); err != nil {
			return err
		}
	}
}

// entry writes one file or folder.
func (u *unpacker) entry(name string, mode fs.FileMode, open func() (io.ReadCloser, error)) error {
	clean, err := safe(name)
	if err != nil {
		return err
	}
	if u.left.Files--; u.left.Files < 0 {
		return ErrTooLarge
	}
	switch {
	case strings.HasSuffix(name, "/") || mode.IsDir():
		return u.folder(clean)
	case !mode.IsRegular():
		return fmt.Errorf("%w: %q is a link or no file", ErrUnsafe, name)
	}
	if err := u.folder(path.Dir(clean)); err != nil {
		return err
	}
	content, err := open()
	if err != nil {
		return fmt.Errorf("entry %q: %w", name, err)
	}
	err = u.write(clean, 0o666|mode.Perm()&0o111, content)
	if closed := content.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("entry %q: %w", name, err)
	}
	return nil
}

// folder makes a folder and those above it.
func (u *unpacker) folder(name string) error {
	info, err := u.root.Lstat(name)
	if err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	if err == nil {
		return nil
	}
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	return errors.Join(u.root.Mkdir(name, 0o777), u.root.Chmod(name, 0o777))
}

// safe is a name below the folder.
func safe(name string) (string, error) {
	steps := strings.Split(name, "/")
	for _, step := range steps {
		if step == ".." {
			return "", fmt.Errorf("%w: %q would leave the folder", ErrUnsafe, name)
		}
	}
	if name == "" || strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\x00\\") {
		return "", fmt.Errorf("%w: %q would leave the folder", ErrUnsafe, name)
	}
	return path.Clean(name), nil
}

// write writes a file. An earlier one of the same name is replaced.
func (u *unpacker) write(name string, mode fs.FileMode, content io.Reader) error {
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(content, u.left.Bytes+1))
	if u.left.Bytes -= n; err == nil && u.left.Bytes < 0 {
		err = ErrTooLarge
	}
	if err == nil {
		err = f.Chmod(mode) // whatever the umask
	}
	return errors.Join(err, f.Close())
}

// Pack writes the files in a folder as a zip file that Unpack reads. They are stored as
// they are: it is to be unpacked at once. Links and devices are ErrUnsafe.
func Pack(w io.Writer, dir string) error {
	z := zip.NewWriter(w)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return pack(z, root, name, d)
	})
	if err != nil {
		return err
	}
	return z.Close()
}

func pack(z *zip.Writer, root fs.FS, name string, d fs.DirEntry) error {
	if !d.Type().IsRegular() {
		return fmt.Errorf("%w: %q is a link or no file", ErrUnsafe, name)
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: name, Method: zip.Store}
	header.SetMode(info.Mode())
	to, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	from, err := root.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, from.Close())
}
