package codecache_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"quirl/invoker/codecache"
)

func open(t *testing.T, dir string, limit int64) *codecache.Cache {
	t.Helper()
	c, err := codecache.Open(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// zipped is an archive with one file of a size.
func zipped(t *testing.T, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("sub/file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func returns(data []byte) func() ([]byte, error) {
	return func() ([]byte, error) { return data, nil }
}

func wantFile(t *testing.T, folder, want string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(folder, "sub/file")); err != nil || string(got) != want {
		t.Errorf("%s has %.20q, %v, want %.20q", folder, got, err, want)
	}
}

func TestUnpackedOnce(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 1<<20)
	if _, _, err := c.Hold("a", nil); !errors.Is(err, codecache.ErrMissing) {
		t.Errorf("got %v, want ErrMissing", err)
	}
	var fetched atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			folder, release, err := c.Hold("a", func() ([]byte, error) {
				fetched.Add(1)
				return zipped(t, "text"), nil
			})
			if err != nil {
				t.Error(err)
				return
			}
			wantFile(t, folder, "text")
			release()
			release() // harmless
		})
	}
	all.Wait()
	if n := fetched.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	folder, _, err := open(t, dir, 1<<20).Hold("a", nil) // after a restart
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, folder, "text")
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("containers cannot write into a folder of mode %v, %v", info.Mode(), err)
	}
}

func TestLimit(t *testing.T) {
	dir := t.TempDir()
	const size = 100_000
	c := open(t, dir, 4*size)
	hold := func(key string) func() {
		folder, release, err := c.Hold(key, returns(zipped(t, strings.Repeat("x", size))))
		if err != nil {
			t.Fatal(err)
		}
		wantFile(t, folder, strings.Repeat("x", size))
		return release
	}
	held := hold("held") // from the first to the last, and never removed
	for i := range 10 {
		hold(fmt.Sprint(i))()
	}
	for key, want := range map[string]error{"held": nil, "9": nil, "8": nil, "0": codecache.ErrMissing, "6": codecache.ErrMissing} {
		if _, release, err := c.Hold(key, nil); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", key, err, want)
		} else if err == nil {
			release()
		}
	}
	held()
	for i := range 10 {
		hold(fmt.Sprint(10 + i))()
	}
	if _, _, err := c.Hold("held", nil); !errors.Is(err, codecache.ErrMissing) {
		t.Errorf("released and not used, it is still there: %v", err)
	}
}

func TestBadArchive(t *testing.T) {
	c := open(t, t.TempDir(), 1<<20)
	var fetched int
	for range 3 {
		if _, _, err := c.Hold("bad", func() ([]byte, error) { fetched++; return []byte("PK, but no zip"), nil }); err == nil {
			t.Error("a bad archive was unpacked")
		}
	}
	if fetched != 1 {
		t.Errorf("a bad archive was fetched %d times", fetched)
	}
	// What could not be fetched may be there later.
	gone := errors.New("gone")
	if _, _, err := c.Hold("a", func() ([]byte, error) { return nil, gone }); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	if _, _, err := c.Hold("a", returns(zipped(t, "1"))); err != nil {
		t.Error(err)
	}
}

func TestHalfMadeFolders(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Join(dir, "new-123", "sub")
	if err := os.MkdirAll(half, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, dir, 1<<20)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half of a folder was left: %v", err)
	}
}
