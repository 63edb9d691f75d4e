package proxytest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io/fs"
	"net/http"
	"os"
	"testing"

	"quirl/container"
	"quirl/internal/archive"
	"quirl/proxy"
)

// A file is an entry of an archive. Its mode is 0644 unless it says otherwise.
type file struct {
	name, content string
	mode          fs.FileMode
}

func (f file) fileMode() fs.FileMode {
	if f.mode == 0 {
		return 0o644
	}
	return f.mode
}

// zipped is the code of an action in a zip file: deflated, or stored as it is.
func zipped(t testing.TB, method uint16, files ...file) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: method}
		h.SetMode(f.fileMode())
		entry, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetComment("a comment after the directory"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// tarred is the code of an action in a tar.gz file.
func tarred(t testing.TB, files ...file) string {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: int64(f.fileMode().Perm()), Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		if f.mode&fs.ModeSymlink != 0 {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, f.content, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(f.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func encoded(code string) string { return base64.StdEncoding.EncodeToString([]byte(code)) }

// binaryRequest is an /init with an archive.
func binaryRequest(code string) proxy.InitRequest {
	r := initRequest(code)
	r.Binary = true
	return r
}

// ways are those in which an archive comes to a runtime of ours.
var ways = map[string]func(*cell, string) proxy.InitRequest{
	"archive": func(_ *cell, code string) proxy.InitRequest { return binaryRequest(code) },
	"folder":  unpacked,
}

// runArchive checks that a function from an archive, which prints nothing, answers
// {"a":1} with want, in whichever way its code comes.
func (b *bench) runArchive(t *testing.T, code, main, want string) {
	t.Helper()
	for way, request := range ways {
		t.Run(way, func(t *testing.T) {
			c := b.start(t)
			r := request(c, code)
			r.Main = main
			c.mustInitWith(r)
			c.wantJSON(c.run(`{"a":1}`), http.StatusOK, want)
			c.wantLogs(1, "", "")
		})
	}
}

// unpacked is an /init with an archive that lies unpacked in a folder. Where a
// container cannot be shown one it is an ordinary one.
func unpacked(c *cell, code string) proxy.InitRequest {
	c.Helper()
	shower, can := c.container.(container.Shower)
	if !can && !c.apart {
		r := initRequest("")
		r.Folder = unpackedFolder(c, code)
		return r
	}
	if can {
		folder, err := shower.Show(c.ctx, unpackedFolder(c, code))
		if err == nil {
			r := initRequest("")
			r.Folder = folder
			return r
		}
		c.Logf("the container cannot be shown a folder: %v", err)
	}
	return binaryRequest(code)
}

// unpackedFolder unpacks an archive on the host.
func unpackedFolder(c *cell, code string) string {
	c.Helper()
	data, err := base64.StdEncoding.DecodeString(code)
	if err != nil {
		c.Fatal(err)
	}
	folder := c.TempDir()
	if err := archive.Unpack(data, folder, archive.DefaultLimits); err != nil {
		c.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		c.Fatal(err)
	}
	return folder
}

// unsafeArchives are refused whatever the language; main is an entry that is fine.
func unsafeArchives(t testing.TB, main file) map[string]string {
	return map[string]string{
		"zip, parent folder":  zipped(t, zip.Deflate, main, file{name: "../evil", content: "x"}),
		"zip, in the middle":  zipped(t, zip.Deflate, main, file{name: "a/../../evil", content: "x"}),
		"zip, absolute":       zipped(t, zip.Deflate, main, file{name: "/tmp/evil", content: "x"}),
		"zip, link":           zipped(t, zip.Deflate, main, file{name: "link", content: "/etc", mode: fs.ModeSymlink | 0o777}),
		"tar, parent folder":  tarred(t, main, file{name: "../evil", content: "x"}),
		"tar, absolute":       tarred(t, main, file{name: "/tmp/evil", content: "x"}),
		"tar, link":           tarred(t, main, file{name: "link", content: "/etc", mode: fs.ModeSymlink | 0o777}),
		"zip, cut off":        zipped(t, zip.Deflate, main)[:80],
		"neither zip nor tar": base64.StdEncoding.EncodeToString([]byte("PK, but not really a zip file at all")),
	}
}
