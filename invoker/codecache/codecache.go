// Package codecache keeps the code of actions unpacked in folders, so that an archive
// is decoded and unpacked once and not at the start of each container.
//
// It promises that a folder is whole when it is handed out, that it stays as long as
// somebody holds it, that all folders together stay within a limit as far as nobody
// holds them, and that what it has survives a restart. An archive that cannot be
// unpacked is an error each time, and costs little the second time.
package codecache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"quirl/internal/archive"
)

// ErrMissing says that a folder is not there, and was not to be made.
var ErrMissing = errors.New("code is not unpacked")

// unpackLimits bound what one archive may take on this machine's disk. What is larger
// is left to the container, whose own limits it meets there.
var unpackLimits = archive.Limits{Bytes: 1 << 30, Files: 100_000}

// temporary begins the name of a folder that is not whole.
const temporary = "new-"

// maxRefused bounds how many bad archives are remembered.
const maxRefused = 1000

// A Cache is a set of unpacked archives on disk. Its methods may be called from many
// goroutines at once.
type Cache struct {
	dir   string
	limit int64 // bytes of all folders

	mu      sync.Mutex
	entries map[string]*entry
	refused map[string]error
}

// An entry is one folder. Guarded by the cache's mu, but for made and what it is for.
type entry struct {
	size    int64 // bytes; valid after made
	used    time.Time
	holders int
	made    chan struct{} // closed when the folder is there, or cannot be made
	err     error         // valid after made
}

// Open opens the cache in dir, which it makes, for folders of limit bytes in all.
func Open(dir string, limit int64) (*Cache, error) {
	c := &Cache{dir: dir, limit: limit, entries: map[string]*entry{}, refused: map[string]error{}}
	// Only their mounts are shown to containers.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("code cache: %w", err)
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("code cache: %w", err)
	}
	for _, f := range found {
		if err := c.adopt(f); err != nil {
			return nil, fmt.Errorf("code cache: %w", err)
		}
	}
	return c, nil
}

// adopt takes over what a predecessor left.
func (c *Cache) adopt(f fs.DirEntry) error {
	if strings.HasPrefix(f.Name(), temporary) {
		return os.RemoveAll(filepath.Join(c.dir, f.Name()))
	}
	key, text, _ := strings.Cut(f.Name(), ".")
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil // not ours
	}
	info, err := f.Info()
	if err != nil {
		return err
	}
	made := make(chan struct{})
	close(made)
	c.entries[key] = &entry{size: size, used: info.ModTime(), made: made}
	return nil
}

// folder is named after its size too, so that nobody has to look for that.
func (c *Cache) folder(key string, size int64) string {
	return filepath.Join(c.dir, fmt.Sprintf("%s.%d", key, size))
}

// sizeOf is about what a folder takes on disk, in bytes.
func sizeOf(dir string) (int64, error) {
	const block = 4096
	var size int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += (info.Size() + block - 1) / block * block
		}
		return err
	})
	return size, err
}

// Hold returns the folder of an archive, and a function to call when it is not needed
// any more. key, lower-case letters and digits, stands for the archive's content. When
// the folder is not there it is made of what fetch returns; a nil fetch is ErrMissing.
func (c *Cache) Hold(key string, fetch func() ([]byte, error)) (folder string, release func(), err error) {
	c.mu.Lock()
	if err := c.refused[key]; err != nil {
		c.mu.Unlock()
		return "", nil, err
	}
	e := c.entries[key]
	if e == nil && fetch == nil {
		c.mu.Unlock()
		return "", nil, ErrMissing
	}
	first := e == nil
	if first {
		e = &entry{made: make(chan struct{})}
		c.entries[key] = e
	}
	e.holders++
	e.used = time.Now()
	c.mu.Unlock()
	if first {
		c.fill(key, e, fetch)
	}
	<-e.made
	if e.err != nil {
		return "", nil, e.err // it is not among the entries any more
	}
	return c.folder(key, e.size), sync.OnceFunc(func() { c.release(e) }), nil
}

// fill makes the folder of an entry, and room for it.
func (c *Cache) fill(key string, e *entry, fetch func() ([]byte, error)) {
	defer close(e.made)
	size, bad, err := c.unpack(key, fetch)
	c.mu.Lock()
	defer c.mu.Unlock()
	e.size, e.err = size, err
	if e.err != nil {
		delete(c.entries, key)
		if bad && len(c.refused) < maxRefused {
			c.refused[key] = e.err
		}
		return
	}
	c.shrink()
}

// unpack makes the folder of key; bad says that the archive is to blame.
func (c *Cache) unpack(key string, fetch func() ([]byte, error)) (size int64, bad bool, err error) {
	data, err := fetch()
	if err != nil {
		return 0, false, err
	}
	temp, err := os.MkdirTemp(c.dir, temporary)
	if err != nil {
		return 0, false, fmt.Errorf("code cache: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	if err := archive.Unpack(data, temp, unpackLimits); err != nil {
		var ours *fs.PathError // e.g. the disk is full
		return 0, !errors.As(err, &ours), fmt.Errorf("unpack code: %w", err)
	}
	if err := os.Chmod(temp, 0o777); err != nil {
		return 0, false, fmt.Errorf("code cache: %w", err)
	}
	if size, err = sizeOf(temp); err == nil {
		err = os.Rename(temp, c.folder(key, size))
	}
	if err != nil {
		return 0, false, fmt.Errorf("code cache: %w", err)
	}
	return size, false, nil
}

// release lets go of an entry.
func (c *Cache) release(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.holders--
	e.used = time.Now()
	c.shrink()
}

// shrink removes the folders that were not used for the longest time until the rest
// is within the limit. c.mu is held.
func (c *Cache) shrink() {
	var total int64
	var idle []string
	for key, e := range c.entries {
		total += e.size
		if e.holders == 0 {
			idle = append(idle, key)
		}
	}
	if total <= c.limit {
		return
	}
	slices.SortFunc(idle, func(a, b string) int { return cmp.Compare(c.entries[a].used.UnixNano(), c.entries[b].used.UnixNano()) })
	for _, key := range idle {
		if total <= c.limit {
			return
		}
		// Out of the way at once, so that nobody finds a part of it, then gone.
		gone, err := os.MkdirTemp(c.dir, temporary)
		if err == nil {
			err = os.Rename(c.folder(key, c.entries[key].size), filepath.Join(gone, key))
		}
		if err != nil {
			continue // it stays; the next one may go
		}
		total -= c.entries[key].size
		delete(c.entries, key)
		go func() { _ = os.RemoveAll(gone) }() // what stays is removed by the next Open
	}
}
