package script_test

import (
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"quirl/container/ociimage/imagetest"
)

func init() {
	commands["push"] = push
	commands["save"] = save
}

// push NAME [FILE]: puts an image of this machine's programs into the script's
// registry, as $REGISTRY/NAME; it starts the Python program in FILE, or nothing.
func push(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: push NAME [FILE]")
	}
	if ts.Getenv("REGISTRY") == "" {
		address, stop := imagetest.StartRegistry()
		ts.Defer(stop)
		ts.Setenv("REGISTRY", address)
	}
	ts.Check(imagetest.Push(ts.Getenv("REGISTRY")+"/"+args[0], image(ts, args[1:])))
}

// save NAME [FILE]: writes such an image into the archives of the script's server.
func save(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: save NAME [FILE]")
	}
	file, _, _ := strings.Cut(strings.ReplaceAll(args[0], "/", "-"), ":")
	ts.Check(imagetest.Save(filepath.Join(data(ts), "archives", file+".tar"), args[0], image(ts, args[1:])))
}

func image(ts *testscript.TestScript, program []string) v1.Image {
	image, err := imagetest.Host()
	ts.Check(err)
	if len(program) == 0 {
		return image
	}
	image, err = imagetest.Configure(image, v1.Config{
		Env: []string{"PATH=/usr/bin:/bin"}, Entrypoint: []string{"python3", "-u", "-c"}, Cmd: []string{ts.ReadFile(program[0])},
	})
	ts.Check(err)
	return image
}
