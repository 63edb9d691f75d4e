//go:build linux

package sandboxcontainer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"quirl/container"
	"quirl/container/containertest"
	"quirl/container/ociimage/imagetest"
	"quirl/container/sandboxcontainer"
)

// ownImage is one whose programs the suite starts.
const ownImage = "quirl-test/host:1"

// archivesVariable names a folder with the archive of ownImage, made before, for the
// tests that run as another user.
const archivesVariable = "QUIRL_TEST_ARCHIVES"

// images is a folder with the test's images, unpacked once for all tests that are
// not about that. Factories use it one after the other.
var images = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "qi")
	if err != nil {
		return "", err
	}
	imagesMade.Store(&dir)
	archives := filepath.Join(dir, "archives")
	if made := os.Getenv(archivesVariable); made != "" {
		return dir, os.Symlink(made, archives)
	}
	image, err := imagetest.Host()
	if err != nil {
		return dir, err
	}
	return dir, errors.Join(imagetest.Save(filepath.Join(archives, "host.tar"), ownImage, image), os.Chmod(dir, 0o755))
})

// imagesMade is the folder that is to be removed at the end.
var imagesMade atomic.Pointer[string]

func withImages(t *testing.T) func(*sandboxcontainer.Config) {
	t.Helper()
	launcher(t)
	dir, err := images()
	if err != nil {
		t.Fatal(err)
	}
	return func(c *sandboxcontainer.Config) {
		c.Images, c.Archives = filepath.Join(dir, "unpacked"), filepath.Join(dir, "archives")
	}
}

func TestFactoryWithImages(t *testing.T) {
	use := withImages(t)
	capabilities, err := factory(t).Capabilities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	containertest.Run(t, func(t *testing.T) container.Factory { return factory(t, use) }, containertest.Options{
		NoMemoryLimit: !capabilities.Limits,
		Helpers:       func(t *testing.T) []int { return childrenOf(t, os.Getpid()) },
		Foreign:       foreign,
		Adapt: func(s container.Spec) container.Spec {
			s.Image = ownImage
			return s
		},
	})
}

// script makes an image that starts a program of Python.
func script(t *testing.T, code string, change ...func(*v1.Config)) v1.Image {
	t.Helper()
	image, err := imagetest.Host()
	if err != nil {
		t.Fatal(err)
	}
	config := v1.Config{Entrypoint: []string{"python3", "-u", "-c"}, Cmd: []string{code}, Env: []string{"PATH=/usr/bin", "OF=image", "BOTH=image"}, WorkingDir: "/work"}
	for _, f := range change {
		f(&config)
	}
	if image, err = imagetest.Configure(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

func push(t *testing.T, reference string, image v1.Image) {
	t.Helper()
	if err := imagetest.Push(reference, image); err != nil {
		t.Fatal(err)
	}
}

// answering is a server of its own that tells what it sees, then what a written
// file came to.
const answering = `
import http.server, os, sys, time
print("booting", flush=True)
time.sleep(0.3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = eval(os.environ["ASK"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(text).encode())
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
`

func write(name string) string { return fmt.Sprintf("open(%q, 'w').write('x')", name) }

func TestForeignImage(t *testing.T) {
	needRoot(t)
	use := withImages(t)
	registry := imagetest.Registry(t)
	it := registry + "/foreign:1"
	push(t, it, script(t, answering))
	f := factory(t, use, func(c *sandboxcontainer.Config) { c.Images = t.TempDir() })
	for _, test := range []struct{ name, ask, want string }{
		{"where it starts", "os.getcwd()", "/work"},
		{"the image's environment and the spec's", "' '.join(os.environ.get(n, 'none') for n in ['OF', 'BOTH', 'HOME', 'QUIRL_LISTEN_FD'])", "image spec /tmp none"},
		{"no user of the host, and nobody's rights", "' '.join(str(i) for i in [os.getuid(), os.geteuid()])", "1001 1001"},
		{"it may write anywhere", write("/usr/bin/written") + " + " + write("/work/written") + " + " + write("/written"), "3"},
		{"nobody else sees that", "[n for n in ['/usr/bin/written', '/work/written', '/written'] if os.path.exists(n)]", "[]"},
		{"it may replace what the image has", "os.remove('/usr/bin/cat') or os.path.exists('/usr/bin/cat')", "False"},
		{"which is there again for the next one", "os.path.exists('/usr/bin/cat')", "True"},
		{"mounts", "open('/given/file').read()", "from the host"},
		{"names", "open('/etc/hosts').read().split()[0]", "127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			given := t.TempDir()
			if err := errors.Join(os.Chmod(given, 0o755), os.WriteFile(filepath.Join(given, "file"), []byte("from the host"), 0o644)); err != nil {
				t.Fatal(err)
			}
			c := create(t, f, container.Spec{
				Name: "foreign", Image: it, Env: []string{"ASK=" + test.ask, "BOTH=spec"},
				Mounts: []container.Mount{{Source: given, Target: "/given"}},
			})
			if got := ask(t, c); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func create(t *testing.T, f container.Factory, spec container.Spec) container.Container {
	t.Helper()
	c, err := f.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// ask sends a request to the server inside.
func ask(t *testing.T, c container.Container) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Dial(ctx) },
	}}
	response, err := client.Get("http://inside/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestForeignImageIsBounded fills the root of a foreign program, which is memory.
func TestForeignImageIsBounded(t *testing.T) {
	needRoot(t)
	use := withImages(t)
	registry := imagetest.Registry(t)
	fill := `
import os, sys
written = 0
try:
    with open("/usr/lib/fill", "wb") as f:
        while written < 1 << 30: written += f.write(bytes(1 << 20)); f.flush()
except OSError as e:
    print(e.strerror, written >> 20)
`
	push(t, registry+"/fill:1", script(t, fill))
	f := factory(t, use)
	r := run(t, f, container.Spec{Name: "fill", Image: registry + "/fill:1", Memory: 256 << 20})
	if !strings.HasPrefix(r.Stdout, "No space left on device 12") {
		t.Errorf("got %q, %q, %+v", r.Stdout, r.Stderr, r.Exit)
	}
}

func TestImageErrors(t *testing.T) {
	use := withImages(t)
	registry := imagetest.Registry(t)
	push(t, registry+"/empty:1", script(t, "", func(c *v1.Config) { c.Entrypoint, c.Cmd = nil, nil }))
	push(t, registry+"/missing:1", script(t, "", func(c *v1.Config) { c.Entrypoint = []string{"no-such-program"} }))
	f := factory(t, use)
	want := container.ErrNoCommand
	if os.Geteuid() != 0 {
		want = container.ErrNoImage // a server of its own needs root
	}
	for reference, want := range map[string]error{
		registry + "/none:1": container.ErrNoImage, registry + "/empty:1": container.ErrNoCommand, registry + "/missing:1": want, "BAD": container.ErrNoImage,
	} {
		if _, err := f.Create(t.Context(), container.Spec{Name: "it", Image: reference}); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", reference, err, want)
		}
	}
	none := factory(t)
	if _, err := none.Create(t.Context(), container.Spec{Name: "it", Image: ownImage}); !errors.Is(err, container.ErrNoImage) {
		t.Errorf("without a folder for images: got %v, want ErrNoImage", err)
	}
}

// TestMovingTag has shells of an image made before its tag moves.
func TestMovingTag(t *testing.T) {
	use := withImages(t)
	registry := imagetest.Registry(t)
	it := registry + "/moving:latest"
	release := func(what string) {
		image := script(t, "", func(c *v1.Config) { c.Env = append(c.Env, "VERSION="+what) })
		push(t, it, image)
	}
	f := factory(t, use)
	spec := container.Spec{Name: "it", Image: it, Pull: container.PullAlways, Command: []string{"/bin/sh", "-c", "echo $VERSION"}}
	is := func(want string) {
		t.Helper()
		if r := run(t, f, spec); r.Stdout != want+"\n" {
			t.Errorf("got %q, want %q; %q", r.Stdout, want, r.Stderr)
		}
	}
	release("old")
	is("old")
	f.Prepare(spec, 2)
	waitForShells(t, f, spec, 2)
	release("new")
	is("new")
	waitForShells(t, f, spec, 2)
	is("new")
}

func waitForShells(t *testing.T, f *sandboxcontainer.Factory, spec container.Spec, n int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); f.Shells(spec) != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there are %d shells, want %d", f.Shells(spec), n)
		}
	}
}
