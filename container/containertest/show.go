package containertest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quirl/container"
)

// reader waits for the folder, reads what is in it, changes everything that it can,
// and says what came of that.
const reader = `
import os, time
at = "` + container.CodeFolder + `"
while not os.path.exists(at + "/sub/text"):
    time.sleep(0.01)
print(open(at + "/sub/text").read(), os.access(at + "/program", os.X_OK))
open(at + "/sub/text", "w").write("changed")
os.mkdir(at + "/new")
open(at + "/new/file", "w").write("x")
print(open(at + "/sub/text").read())
try:
    with open(at + "/flood", "wb") as flood:
        while True:
            flood.write(bytes(1 << 20))
except OSError as error:
    print(error.strerror)
print("told where it lies" if "FOLDER" in open("/proc/self/mountinfo").read() else "not told where it lies")
`

// testShow shows one folder to two containers: neither sees what the other writes,
// nor does the host.
func testShow(t *testing.T, b *bench) {
	folder := filepath.Join(t.TempDir(), "shown-folder")
	for name, mode := range map[string]os.FileMode{"sub/text": 0o666, "program": 0o777} {
		file := filepath.Join(folder, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.Chmod(filepath.Dir(file), 0o777),
			os.WriteFile(file, []byte("original"), 0o666), os.Chmod(file, mode))
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		c := b.create(t, b.python(strings.Replace(reader, "FOLDER", "shown-folder", 1)))
		shower, can := c.(container.Shower)
		if !can {
			t.Skip("the containers of this factory cannot be shown a folder")
		}
		if _, err := shower.Show(b.ctx, filepath.Join(folder, "missing")); err == nil {
			t.Fatal("a folder was shown that is not there")
		}
		inside, err := shower.Show(b.ctx, folder)
		if err != nil && os.Geteuid() != 0 {
			t.Skipf("an ordinary user's containers cannot be shown a folder: %v", err)
		}
		if err != nil || inside != container.CodeFolder {
			t.Fatalf("got %q, %v", inside, err)
		}
		const want = "original True\nchanged\nNo space left on device\nnot told where it lies\n"
		if r, err := Finish(b.ctx, c); err != nil || r.Stdout != want {
			t.Errorf("inside it said %q, %v; %s", r.Stdout, err, r.Stderr)
		}
		if _, err := shower.Show(b.ctx, folder); !errors.Is(err, container.ErrGone) {
			t.Errorf("showing a folder to a container that has ended: %v, want ErrGone", err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(folder, "sub/text")); err != nil || string(data) != "original" {
		t.Errorf("the host's folder has %q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the host's folder has what a container wrote: %v", err)
	}
}
