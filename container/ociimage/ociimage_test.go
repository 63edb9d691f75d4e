package ociimage_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"quirl/container"
	"quirl/container/ociimage"
)

// entries are a layer: a name with its content; a name that ends with '/' is a
// folder, content "-> x" a symbolic link, "== x" a hard link.
type entries [][2]string

func makeImage(t *testing.T, layers ...entries) v1.Image {
	t.Helper()
	image := v1.Image(empty.Image)
	for _, l := range layers {
		text := pack(t, l)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil })
		if err == nil {
			image, err = mutate.AppendLayers(image, layer)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config = v1.Config{Entrypoint: []string{"/start"}, Cmd: []string{"now"}, Env: []string{"A=b"}, WorkingDir: "work"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

func pack(t *testing.T, l entries) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range l {
		h := &tar.Header{Name: e[0], Mode: 0o600, ModTime: time.Unix(1_000_000, 0), Size: int64(len(e[1])), Typeflag: tar.TypeReg}
		switch link, kind := e[1], e[1]; {
		case strings.HasSuffix(e[0], "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o700
		case strings.HasPrefix(kind, "-> "):
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, link[3:], 0
		case strings.HasPrefix(kind, "== "):
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, link[3:], 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, e[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A counted registry says how often something was asked of it.
type counted struct {
	*httptest.Server
	blobs, manifests atomic.Int64
}

func (c *counted) name(tag string) string { return strings.TrimPrefix(c.URL, "http://") + "/" + tag }

func startRegistry(t *testing.T) *counted {
	t.Helper()
	c := new(counted)
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			c.blobs.Add(1)
		}
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/") {
			c.manifests.Add(1)
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

func push(t *testing.T, to string, image v1.Image) {
	t.Helper()
	ref, err := name.ParseReference(to)
	if err == nil {
		err = remote.Write(ref, image)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func openStore(t *testing.T, dir string, change ...func(*ociimage.Config)) *ociimage.Store {
	t.Helper()
	config := ociimage.Config{Dir: dir, Archives: filepath.Join(dir, "archives"), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, f := range change {
		f(&config)
	}
	s, err := ociimage.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, s *ociimage.Store, reference string, pull container.Pull) *ociimage.Image {
	t.Helper()
	image, err := s.Get(t.Context(), reference, pull)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// contents are the files of an unpacked image by name; folders end with '/'.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case e.IsDir():
			all[name+"/"] = ""
		case e.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			all[name] = "-> " + target
			return err
		default:
			text, err := os.ReadFile(path)
			all[name] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLayers(t *testing.T) {
	for _, test := range []struct {
		name   string
		layers []entries
		want   map[string]string
	}{
		{"files, links and folders", []entries{{{"a/", ""}, {"a/f", "1"}, {"l", "-> a/f"}, {"h", "== a/f"}, {"./deep/er/f", "2"}}},
			map[string]string{"a/": "", "a/f": "1", "l": "-> a/f", "h": "1", "deep/": "", "deep/er/": "", "deep/er/f": "2"}},
		{"the later one wins", []entries{{{"f", "1"}, {"d/", ""}, {"d/f", "2"}, {"x", "3"}}, {{"f", "11"}, {"d", "now a file"}, {"x/", ""}, {"x/y", "4"}}},
			map[string]string{"f": "11", "d": "now a file", "x/": "", "x/y": "4"}},
		{"a file under a link replaces the link", []entries{{{"f", "-> /etc/passwd"}}, {{"f", "mine"}}}, map[string]string{"f": "mine"}},
		{"whiteouts", []entries{{{"a/f", "1"}, {"a/g", "2"}, {"b/f", "3"}}, {{"a/.wh.f", ""}, {".wh.b", ""}}},
			map[string]string{"a/": "", "a/g": "2"}},
		{"an opaque folder keeps what its own layer has", []entries{{{"a/f", "1"}, {"a/s/g", "2"}}, {{"a/", ""}, {"a/n", "new"}, {"a/s/", ""}, {"a/s/n", "too"}, {"a/.wh..wh..opq", ""}}},
			map[string]string{"a/": "", "a/n": "new", "a/s/": "", "a/s/n": "too"}},
		{"through links to folders", []entries{{{"run/", ""}, {"var/run", "-> /run"}, {"usr/lib/", ""}, {"lib", "-> usr/lib"}}, {{"var/run/pid", "1"}, {"lib/x", "2"}}},
			map[string]string{"run/": "", "run/pid": "1", "var/": "", "var/run": "-> /run", "usr/": "", "usr/lib/": "", "usr/lib/x": "2", "lib": "-> usr/lib"}},
		{"nothing gets out", []entries{{{"../../up", "1"}, {"/abs", "2"}, {"out", "-> ../../../.."}, {"out/f", "3"}, {"away", "-> /../.."}, {"away/g", "4"}, {"h", "== ../../abs"}}},
			map[string]string{"up": "1", "abs": "2", "out": "-> ../../../..", "f": "3", "away": "-> /../..", "g": "4", "h": "2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, s := startRegistry(t), openStore(t, t.TempDir())
			push(t, r.name("it:1"), makeImage(t, test.layers...))
			image := get(t, s, r.name("it:1"), container.PullMissing)
			got := contents(t, image.Root)
			for name, want := range test.want {
				if is, there := got[name]; !there || is != want {
					t.Errorf("%s has %q (there: %v), want %q", name, is, there, want)
				}
				delete(got, name)
			}
			for name := range got {
				t.Errorf("%s should not be there", name)
			}
		})
	}
}

func TestBadLayers(t *testing.T) {
	for _, test := range []struct {
		name  string
		layer entries
	}{
		{"a whiteout of the parent", entries{{"a/.wh...", ""}}},
		{"a link to nothing", entries{{"a", "== b"}}},
		{"links in a circle", entries{{"a", "-> b"}, {"b", "-> a"}, {"a/f", "1"}}},
		{"a folder that is a file", entries{{"a", "1"}, {"a/f", "1"}}},
		{"too large", entries{{"a", strings.Repeat("x", 1<<20)}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			r, s := startRegistry(t), openStore(t, dir, func(c *ociimage.Config) { c.MaxSize = 1 << 20 })
			push(t, r.name("it:1"), makeImage(t, test.layer))
			if _, err := s.Get(t.Context(), r.name("it:1"), container.PullMissing); !errors.Is(err, container.ErrNoImage) {
				t.Errorf("got %v, want ErrNoImage", err)
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestWhatIsKeptOfAnImage(t *testing.T) {
	r, s := startRegistry(t), openStore(t, t.TempDir())
	push(t, r.name("it:1"), makeImage(t, entries{{"f", "1"}}))
	image := get(t, s, r.name("it:1"), container.PullMissing)
	if strings.Join(image.Command, " ") != "/start now" || strings.Join(image.Env, " ") != "A=b" || image.Dir != "/work" || !strings.HasPrefix(image.Digest, "sha256:") {
		t.Errorf("got %+v", image)
	}
	info, err := os.Stat(filepath.Join(image.Root, "f"))
	if err != nil || info.Mode() != 0o666 || !info.ModTime().Equal(time.Unix(1_000_000, 0)) {
		t.Errorf("got mode %v, time %v, %v", info.Mode(), info.ModTime(), err)
	}
}

func TestPull(t *testing.T) {
	dir := t.TempDir()
	r, s := startRegistry(t), openStore(t, dir)
	it := r.name("it:1")
	if _, err := s.Get(t.Context(), it, container.PullNever); !errors.Is(err, container.ErrNoImage) {
		t.Errorf("got %v for an image that was never fetched", err)
	}
	push(t, it, makeImage(t, entries{{"f", "old"}}))
	is := func(s *ociimage.Store, pull container.Pull, want string) {
		t.Helper()
		if got := contents(t, get(t, s, it, pull).Root)["f"]; got != want {
			t.Errorf("with rule %d: got %q, want %q", pull, got, want)
		}
	}
	is(s, container.PullMissing, "old")
	push(t, it, makeImage(t, entries{{"f", "new"}}))
	is(s, container.PullMissing, "old")
	is(s, container.PullNever, "old")
	is(s, container.PullIfPossible, "new")
	push(t, it, makeImage(t, entries{{"f", "newest"}}))
	is(s, container.PullAlways, "newest")
	fetched := r.blobs.Load()
	is(s, container.PullAlways, "newest")
	if r.blobs.Load() != fetched {
		t.Error("an image that is there was fetched again")
	}

	r.Close() // nobody answers any more
	is(s, container.PullIfPossible, "newest")
	if _, err := s.Get(t.Context(), it, container.PullAlways); !errors.Is(err, container.ErrNoImage) {
		t.Errorf("got %v from a registry that is gone", err)
	}
	is(openStore(t, dir), container.PullMissing, "newest") // after a restart
}

func TestManyAskAtOnce(t *testing.T) {
	r, s := startRegistry(t), openStore(t, t.TempDir())
	push(t, r.name("it:1"), makeImage(t, entries{{"f", "1"}}))
	r.blobs.Store(0)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := s.Get(t.Context(), r.name("it:1"), container.PullMissing); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := r.blobs.Load(); n != 2 { // the configuration and the layer
		t.Errorf("%d blobs were fetched, want 2", n)
	}
}

func TestNoImage(t *testing.T) {
	r, s := startRegistry(t), openStore(t, t.TempDir())
	for _, reference := range []string{r.name("none:1"), "UPPER:1", "127.0.0.1:1/nobody/answers", ""} {
		if _, err := s.Get(t.Context(), reference, container.PullMissing); !errors.Is(err, container.ErrNoImage) {
			t.Errorf("%q: got %v, want ErrNoImage", reference, err)
		}
	}
}

func TestArchives(t *testing.T) {
	image := makeImage(t, entries{{"f", "from an archive"}})
	dir := t.TempDir()
	archives := filepath.Join(dir, "archives")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.Mkdir(archives, 0o755))
	tag, err := name.NewTag("saved/by-docker:1")
	check(err)
	check(tarball.WriteToFile(filepath.Join(archives, "saved.tar"), tag, image))
	check(os.WriteFile(filepath.Join(archives, "notes.txt"), []byte("not an archive"), 0o600))
	folder := makeLayout(t, image, map[string]string{"io.containerd.image.name": "docker.io/a/layout:2", "org.opencontainers.image.ref.name": "2"})
	check(os.CopyFS(filepath.Join(archives, "folder"), os.DirFS(folder)))
	packLayout(t, filepath.Join(archives, "packed.tar"), makeLayout(t, image, map[string]string{"org.opencontainers.image.ref.name": "3"}))
	packLayout(t, filepath.Join(archives, "nameless.tar"), makeLayout(t, image, nil))

	s := openStore(t, dir)
	for _, reference := range []string{"saved/by-docker:1", "a/layout:2", "packed:3", "nameless", "nameless:latest"} {
		got := get(t, s, reference, container.PullMissing)
		if is := contents(t, got.Root)["f"]; is != "from an archive" {
			t.Errorf("%s: got %q", reference, is)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "temporary-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	check(os.WriteFile(filepath.Join(archives, "broken.tar"), []byte("not a tar file at all"), 0o600))
	if _, err := s.Get(t.Context(), "none:1", container.PullMissing); !errors.Is(err, container.ErrNoImage) || !strings.Contains(err.Error(), "broken.tar") {
		t.Errorf("got %v, want the name of the broken archive", err)
	}
}

func makeLayout(t *testing.T, image v1.Image, annotations map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	at, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = at.AppendImage(image, layout.WithAnnotations(annotations))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func packLayout(t *testing.T, file, dir string) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	r, s := startRegistry(t), openStore(t, dir)
	for _, it := range []string{"old:1", "new:1"} {
		push(t, r.name(it), makeImage(t, entries{{"f", it}}))
	}
	old := get(t, s, r.name("old:1"), container.PullMissing)
	kept := get(t, s, r.name("new:1"), container.PullMissing)
	ago := time.Now().Add(-48 * time.Hour)
	if err := errors.Join(os.Chtimes(filepath.Join(old.Root, "..", "image.json"), ago, ago), os.Mkdir(filepath.Join(dir, "temporary-1"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := s.Prune(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{filepath.Dir(old.Root), filepath.Join(dir, "temporary-1")} {
		if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
	if got := contents(t, kept.Root)["f"]; got != "new:1" {
		t.Errorf("the other image has %q", got)
	}
	if got := contents(t, get(t, s, r.name("old:1"), container.PullMissing).Root)["f"]; got != "old:1" {
		t.Errorf("fetched again it has %q", got)
	}
}

func TestClose(t *testing.T) {
	arrived, hold := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-hold
	}))
	defer slow.Close()
	defer close(hold)
	s := openStore(t, t.TempDir())
	result := make(chan error, 1)
	go func() {
		_, err := s.Get(context.Background(), strings.TrimPrefix(slow.URL, "http://")+"/it:1", container.PullMissing)
		result <- err
	}()
	<-arrived
	s.Close()
	if err := <-result; !errors.Is(err, container.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
