package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/internal/archive"
)

// An entry is of a zip or tar.gz file. A folder's name ends with a slash.
type entry struct {
	name, content string
	mode          fs.FileMode
}

func zipped(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarred(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: int64(e.mode.Perm()), Size: int64(len(e.content)), Typeflag: tar.TypeReg}
		switch {
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag = tar.TypeDir
		case e.mode&fs.ModeSymlink != 0:
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, e.content, 0
		case e.mode&fs.ModeIrregular != 0:
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, e.content, 0
		case e.mode&fs.ModeDevice != 0:
			h.Typeflag = tar.TypeBlock
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(e.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var formats = map[string]func(testing.TB, ...entry) []byte{"zip": zipped, "tar.gz": tarred}

func TestUnpack(t *testing.T) {
	for name, pack := range formats {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			data := pack(t, entry{"a/b/❄.txt", "text", 0o400}, entry{"tool", "#!/bin/sh", 0o755}, entry{"empty/", "", fs.ModeDir | 0o500},
				entry{"./dot", "1", 0o644}, entry{"twice", "a longer one", 0o644}, entry{"twice", "2", 0o644})
			if err := archive.Unpack(data, dir, archive.DefaultLimits); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"a/b/❄.txt": "text", "tool": "#!/bin/sh", "dot": "1", "twice": "2", "empty": "folder", "a": "folder", "a/b": "folder"}
			if diff := cmp.Diff(want, content(t, dir)); diff != "" {
				t.Error(diff)
			}
			if info, err := os.Stat(filepath.Join(dir, "tool")); err != nil || info.Mode() != 0o777 {
				t.Errorf("the tool has mode %v, %v", info.Mode(), err)
			}
			if info, err := os.Stat(filepath.Join(dir, "a/b/❄.txt")); err != nil || info.Mode() != 0o666 {
				t.Errorf("the text has mode %v, %v", info.Mode(), err)
			}
		})
	}
}

// content is what is in a folder.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.IsDir() {
			all[name] = "folder"
			return nil
		}
		data, err := os.ReadFile(path)
		all[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestUnsafe(t *testing.T) {
	for _, e := range []entry{
		{"../out", "x", 0o644}, {"a/../../out", "x", 0o644}, {"/out", "x", 0o644}, {`..\out`, "x", 0o644},
		{"link", "/etc/passwd", fs.ModeSymlink | 0o777}, {"../dir/", "", fs.ModeDir | 0o755},
	} {
		for name, pack := range formats {
			outer := t.TempDir()
			dir := filepath.Join(outer, "dir")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			err := archive.Unpack(pack(t, entry{"first", "1", 0o644}, e), dir, archive.DefaultLimits)
			if !errors.Is(err, archive.ErrUnsafe) {
				t.Errorf("%s with %q: got %v, want ErrUnsafe", name, e.name, err)
			}
			if all := content(t, outer); len(all) > 2 {
				t.Errorf("%s with %q: unpacked %v", name, e.name, all)
			}
		}
	}
	for _, e := range []entry{{"hard", "first", fs.ModeIrregular}, {"device", "", fs.ModeDevice}} {
		if err := archive.Unpack(tarred(t, entry{"first", "1", 0o644}, e), t.TempDir(), archive.DefaultLimits); !errors.Is(err, archive.ErrUnsafe) {
			t.Errorf("tar.gz with %q: got %v, want ErrUnsafe", e.name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	limits := archive.Limits{Bytes: 1000, Files: 3}
	for name, pack := range formats {
		for what, data := range map[string][]byte{
			"one large file":   pack(t, entry{"bomb", strings.Repeat("0", 1001), 0o644}),
			"two half files":   pack(t, entry{"a", strings.Repeat("0", 501), 0o644}, entry{"b", strings.Repeat("0", 501), 0o644}),
			"too many":         pack(t, entry{"a", "", 0o644}, entry{"b", "", 0o644}, entry{"c", "", 0o644}, entry{"d", "", 0o644}),
			"too many folders": pack(t, entry{"a/", "", 0o755}, entry{"b/", "", 0o755}, entry{"c/", "", 0o755}, entry{"d/", "", 0o755}),
		} {
			if err := archive.Unpack(data, t.TempDir(), limits); !errors.Is(err, archive.ErrTooLarge) {
				t.Errorf("%s, %s: got %v, want ErrTooLarge", name, what, err)
			}
		}
		fits := pack(t, entry{"a", strings.Repeat("0", 500), 0o644}, entry{"b", strings.Repeat("0", 500), 0o644})
		if err := archive.Unpack(fits, t.TempDir(), limits); err != nil {
			t.Errorf("%s that fits: %v", name, err)
		}
	}
}

func TestDamaged(t *testing.T) {
	for name, pack := range formats {
		whole := pack(t, entry{"a", strings.Repeat("some text ", 500), 0o644}, entry{"b", "b", 0o644})
		for _, data := range [][]byte{whole[:len(whole)/2], append([]byte(nil), whole[:3]...), flipped(whole)} {
			if err := archive.Unpack(data, t.TempDir(), archive.DefaultLimits); err == nil {
				t.Errorf("%s: %d of %d bytes, or one of them wrong, were unpacked", name, len(data), len(whole))
			}
		}
	}
	if err := archive.Unpack([]byte("print('hello')"), t.TempDir(), archive.DefaultLimits); !errors.Is(err, archive.ErrFormat) {
		t.Errorf("got %v, want ErrFormat", err)
	}
}

// flipped has one wrong byte among the compressed ones.
func flipped(data []byte) []byte {
	wrong := bytes.Clone(data)
	wrong[60] ^= 0xff
	return wrong
}

func FuzzUnpack(f *testing.F) {
	for _, pack := range formats {
		f.Add(pack(f, entry{"a/b", "text", 0o755}, entry{"c/", "", 0o755}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "dir")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_ = archive.Unpack(data, dir, archive.Limits{Bytes: 1 << 20, Files: 100})
		if all, err := os.ReadDir(outer); err != nil || len(all) != 1 {
			t.Errorf("outside of the folder: %v, %v", all, err)
		}
	})
}
