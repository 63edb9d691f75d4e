// Package imagetest makes images for tests, and registries on the loopback address.
package imagetest

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Host returns an image of this machine's own programs: sh, a few small ones, Node.js
// and Python (see tools/real/rootfs), about 160 MB.
func Host() (v1.Image, error) {
	content, err := hostFiles()
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithCompressionLevel(0))
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	return Configure(image, v1.Config{Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}})
}

// Stock returns an image like the official one of a language, of what this machine has
// installed of it (see tools/real/stock); its content is written to a file in dir.
func Stock(dir, language string) (v1.Image, error) {
	file := filepath.Join(dir, language+".tar")
	content, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var text bytes.Buffer
	cmd := exec.Command(filepath.Join(root(), "tools", "real", "stock"), language)
	cmd.Stdout, cmd.Stderr = content, &text
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("tools/real/stock %s: %w: %s", language, err, text.String())
	}
	layer, err := tarball.LayerFromFile(file, tarball.WithCompressionLevel(0))
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	return Configure(image, v1.Config{Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}})
}

// root is the folder of the module.
func root() string {
	_, self, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(self), "..", "..", "..")
}

var hostFiles = sync.OnceValues(func() ([]byte, error) {
	var text bytes.Buffer
	cmd := exec.Command(filepath.Join(root(), "tools", "real", "rootfs"))
	cmd.Stderr = &text
	content, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("tools/real/rootfs: %w: %s", err, text.String())
	}
	return content, nil
})

// Configure returns the image for this machine, with what it starts.
func Configure(image v1.Image, config v1.Config) (v1.Image, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	return mutate.ConfigFile(image, file)
}

// Save writes an image as `docker save` does.
func Save(file, reference string, image v1.Image) error {
	tag, err := name.NewTag(reference)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return tarball.WriteToFile(file, tag, image)
}

// Registry starts an empty registry that ends with the test, and returns its host
// and port.
func Registry(t testing.TB) string {
	t.Helper()
	address, stop := start(registry.WithBlobHandler(registry.NewDiskBlobHandler(t.TempDir())))
	t.Cleanup(stop)
	return address
}

// StartRegistry is Registry where there is no test; it keeps all in memory.
func StartRegistry() (address string, stop func()) { return start() }

func start(options ...registry.Option) (address string, stop func()) {
	server := httptest.NewServer(registry.New(append(options, registry.Logger(log.New(io.Discard, "", 0)))...))
	return strings.TrimPrefix(server.URL, "http://"), server.Close
}

// Push puts an image into a registry.
func Push(reference string, image v1.Image) error {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return err
	}
	if err := remote.Write(ref, image); err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	return nil
}
