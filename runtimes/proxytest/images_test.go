//go:build linux

package proxytest_test

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/container"
	"quirl/container/dockercontainer"
	"quirl/container/dockercontainer/dockertest"
	"quirl/internal/logtest"
	"quirl/internal/realtest"
	"quirl/runtimes"
	"quirl/runtimes/proxytest"
	"quirl/test/quirltest"
)

func TestMain(m *testing.M) { realtest.Main(m) }

// imagesVariable names the runtimes whose images are made and checked, such as "php ruby".
const imagesVariable = "QUIRL_IMAGES"

// made ahead in an image, by its runtime: what the commands that the manifest has for
// that leave below the runtime's folder.
var made = map[string]string{
	"dotnet": "dotnet/lib/", "golang": "golang/cache/", "java": "java/archives/", "python": "/__pycache__/", "rust": "rust/built/",
}

// TestImages: the image that tools/images makes of a runtime has the files that the
// program mounts into stock images, and its kind passes the suite in it, with Docker.
// It makes Debian and each language first, which takes minutes: see make images-check.
func TestImages(t *testing.T) {
	names := strings.Fields(os.Getenv(imagesVariable))
	if len(names) == 0 {
		t.Skip("make images-check runs it: it makes Debian and each language first")
	}
	engine := dockertest.Start(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			build := exec.CommandContext(t.Context(), filepath.Join(quirltest.Root(), "tools", "images"), "--local", name)
			build.Env = append(os.Environ(), "DOCKER_HOST="+engine.Host)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Run("files", func(t *testing.T) { sameFiles(t, engine, name) })
			t.Run("user", func(t *testing.T) { ordinaryUser(t, engine, name) })
			if name != proxytest.Native { // which stands for a blackbox, and has no kind
				t.Run("suite", func(t *testing.T) { suiteIn(t, engine, name) })
			}
		})
	}
}

func imageOf(name string) string { return "quirl/runtime-" + name }

// sameFiles compares names, contents and who may execute them.
func sameFiles(t *testing.T, engine *dockertest.Engine, name string) {
	got := imageFiles(t, engine, name)
	want := extracted(t, foldersOf(t, name)...)
	var ahead int
	for path := range got {
		if _, ok := want[path]; !ok && made[name] != "" && strings.Contains(path, made[name]) {
			ahead++
			delete(got, path)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the image has other files than the program (-program +image):\n%s", diff)
	}
	t.Logf("%d files of the runtime, %d made ahead", len(want), ahead)
}

// foldersOf are the folders that a runtime needs.
func foldersOf(t *testing.T, name string) []string {
	if name != proxytest.Native {
		r, err := runtimes.Builtin().Resolve(kindOf(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if r.Local.Loop == nil { // it has a server of its own
			return []string{name}
		}
	}
	return []string{name, "bin"}
}

// extracted are the files in some folders that Extract writes, as imageFiles has them.
func extracted(t *testing.T, folders ...string) map[string]string {
	dir, err := runtimes.Extract(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(dir, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			relative, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			files[relative], err = described(info.Mode(), f)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	delete(files, "bin/README.md") // it is about the folder of the sources
	return files
}

// imageFiles are the files below /quirl in an image.
func imageFiles(t *testing.T, engine *dockertest.Engine, name string) map[string]string {
	id, err := engine.Docker("create", imageOf(name))
	if err != nil {
		t.Fatal(err)
	}
	id = strings.TrimSpace(id)
	archive := filepath.Join(t.TempDir(), "image.tar")
	_, err = engine.Docker("export", "--output", archive, id)
	_, removed := engine.Docker("rm", id)
	if err := errors.Join(err, removed); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := map[string]string{}
	for in := tar.NewReader(f); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if path, ok := strings.CutPrefix(header.Name, "quirl/"); ok && header.Typeflag == tar.TypeReg {
			if files[path], err = described(header.FileInfo().Mode(), in); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func described(mode fs.FileMode, content io.Reader) (string, error) {
	sum := sha256.New()
	_, err := io.Copy(sum, content)
	return fmt.Sprintf("executable %t %x", mode&0o111 != 0, sum.Sum(nil)), err
}

// ordinaryUser: an image does not run as root, and says where it listens.
func ordinaryUser(t *testing.T, engine *dockertest.Engine, name string) {
	got, err := engine.Docker("inspect", "--format", "{{.Config.User}} {{json .Config.ExposedPorts}}", imageOf(name))
	if err != nil {
		t.Fatal(err)
	}
	if want := `1001:1001 {"8080/tcp":{}}`; strings.TrimSpace(got) != want {
		t.Errorf("the image has %s, want %s", got, want)
	}
}

// suiteIn runs the suite of the image's kind in containers of the image, as it is.
func suiteIn(t *testing.T, engine *dockertest.Engine, name string) {
	manifest := runtimes.Builtin()
	image, err := runtimes.ParseImage(imageOf(name))
	if err != nil {
		t.Fatal(err)
	}
	kind := kindOf(t, name)
	r, err := manifest.Resolve(kind)
	if err != nil {
		t.Fatal(err)
	}
	r.Image, r.Local.Stock = image, nil
	proxytest.RunOffer(t, func(t *testing.T) container.Factory {
		f, err := dockercontainer.New(dockercontainer.Config{Host: engine.Host, Instance: "images-" + name, Log: logtest.New(t)})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}, manifest.Images(), kind)
}

// kindOf is the kind that a Dockerfile says it is for.
func kindOf(t *testing.T, name string) string {
	text, err := os.ReadFile(filepath.Join(quirltest.Root(), "runtimes", name, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	rest, _ := strings.CutPrefix(string(text), "# An image of ")
	kind, _, _ := strings.Cut(rest, " ")
	return kind
}
