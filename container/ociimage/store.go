package ociimage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"quirl/container"
)

const (
	// defaultMaxSize bounds an unpacked image.
	defaultMaxSize = 16 << 30
	// fetchTime bounds the fetching and unpacking of one image.
	fetchTime = 30 * time.Minute
	// lookTime bounds the look for a newer image when there is one to use instead,
	// and lookAgain is how long a failed look is not repeated.
	lookTime, lookAgain = 10 * time.Second, time.Minute
)

// A Config says where images are kept.
type Config struct {
	// Dir is the folder of the unpacked images; it is made when missing.
	Dir string
	// Archives is a folder with images: files as `docker save` writes them, OCI
	// archives (.tar), and OCI layouts (folders). It need not exist.
	Archives string
	// MaxSize bounds an unpacked image, in bytes. Default 16 GiB.
	MaxSize int64
	// Log gets what is fetched. Required.
	Log *slog.Logger
}

// A Store is a folder of unpacked images. Make one with New. Its methods may be
// called from many goroutines at once, but no two processes may have one folder.
type Store struct {
	config   Config
	archives *archives
	refs     *references

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu      sync.Mutex
	flights map[string]*flight   // by reference
	looked  map[string]time.Time // when the registry of a reference did not answer
}

// A flight is a fetch that is under way; many may wait for it.
type flight struct {
	done  chan struct{}
	image *Image // these two are valid after done
	err   error
}

// New opens the folder of a Store.
func New(config Config) (*Store, error) {
	if config.MaxSize == 0 {
		config.MaxSize = defaultMaxSize
	}
	// Everybody may write in an unpacked image, so nobody else may get at one.
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	if err := os.Chmod(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	refs, err := openReferences(filepath.Join(config.Dir, "references.json"))
	if err != nil {
		return nil, err
	}
	s := &Store{
		config: config, archives: newArchives(config), refs: refs,
		flights: make(map[string]*flight), looked: make(map[string]time.Time),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Close gives up what is being fetched.
func (s *Store) Close() { s.cancel() }

// Get returns the image of a reference, fetched as pull asks for and unpacked.
// That there is no such image is container.ErrNoImage, with the reason.
func (s *Store) Get(ctx context.Context, reference string, pull container.Pull) (*Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", container.ErrNoImage, err)
	}
	var known *Image
	if pull != container.PullAlways {
		if known, err = s.known(ref); err != nil {
			return nil, err
		}
	}
	switch {
	case pull == container.PullNever && known == nil:
		return nil, fmt.Errorf("%w: %s was not fetched", container.ErrNoImage, reference)
	case pull == container.PullIfPossible && known != nil:
		return s.newer(ctx, ref, known), nil
	case known != nil:
		return known, nil
	}
	return s.fetched(ctx, ref)
}

// known returns an image that was unpacked before; nil when there is none.
func (s *Store) known(ref name.Reference) (*Image, error) {
	digest, ok := s.refs.get(ref.Name())
	if !ok {
		return nil, nil
	}
	return s.open(digest)
}

// newer returns what the reference means now or, when that cannot be found out
// soon, what it meant before.
func (s *Store) newer(ctx context.Context, ref name.Reference, known *Image) *Image {
	s.mu.Lock()
	recent := time.Since(s.looked[ref.Name()]) < lookAgain
	s.mu.Unlock()
	if recent {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	image, err := s.fetched(ctx, ref)
	if err == nil {
		return image
	}
	s.config.Log.Info("image cannot be fetched, the one that is there is used", "image", ref.String(), "reason", err)
	s.mu.Lock()
	s.looked[ref.Name()] = time.Now()
	s.mu.Unlock()
	return known
}

// fetched waits for a fetch of the reference, which it begins unless one is under
// way. The fetch goes on when ctx ends.
func (s *Store) fetched(ctx context.Context, ref name.Reference) (*Image, error) {
	s.mu.Lock()
	f := s.flights[ref.Name()]
	if f == nil {
		f = &flight{done: make(chan struct{})}
		s.flights[ref.Name()] = f
		go s.fly(f, ref)
	}
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.image, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("image %s: %w", ref, context.Cause(ctx))
	}
}

func (s *Store) fly(f *flight, ref name.Reference) {
	ctx, cancel := context.WithTimeout(s.ctx, fetchTime)
	defer cancel()
	f.image, f.err = s.fetch(ctx, ref)
	s.mu.Lock()
	delete(s.flights, ref.Name())
	s.mu.Unlock()
	close(f.done)
}

// fetch finds out what a reference means, and unpacks that unless it is there.
func (s *Store) fetch(ctx context.Context, ref name.Reference) (*Image, error) {
	found, err := s.find(ctx, ref)
	if s.ctx.Err() != nil {
		return nil, container.ErrClosed
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", container.ErrNoImage, ref, err)
	}
	defer found.close()
	digest, err := found.image.Digest()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", container.ErrNoImage, ref, err)
	}
	image, err := s.open(digest)
	if err != nil {
		return nil, err
	}
	if image == nil {
		if image, err = s.unpack(ctx, ref, found.image, digest); err != nil {
			return nil, err
		}
	}
	return image, s.refs.set(ref.Name(), digest)
}

// unpack makes the folder of an image.
func (s *Store) unpack(ctx context.Context, ref name.Reference, from v1.Image, digest v1.Hash) (*Image, error) {
	s.config.Log.Info("fetching image", "image", ref.String(), "digest", digest.String())
	began := time.Now()
	temporary, err := os.MkdirTemp(s.config.Dir, temporaryPrefix)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	size, err := unpackInto(ctx, temporary, from, digest, s.config.MaxSize)
	if err == nil {
		err = os.Rename(temporary, s.folder(digest))
	}
	if errors.Is(err, os.ErrExist) {
		err = nil // another reference to the same image was faster
	}
	if removal := os.RemoveAll(temporary); removal != nil {
		err = errors.Join(err, removal)
	}
	if s.ctx.Err() != nil {
		return nil, container.ErrClosed
	}
	if err != nil {
		return nil, s.blame(ref, err)
	}
	s.config.Log.Info("image unpacked", "image", ref.String(), "bytes", size, "took", time.Since(began).Round(time.Millisecond))
	return s.open(digest)
}

// blame tells a bad image from a machine that cannot take it.
func (s *Store) blame(ref name.Reference, err error) error {
	var number syscall.Errno
	if errors.As(err, &number) && slices.Contains(machines, number) {
		return fmt.Errorf("unpack image %s: %w", ref, err)
	}
	return fmt.Errorf("%w: unpack %s: %w", container.ErrNoImage, ref, err)
}

// machines are the errors that no image can cause.
var machines = []syscall.Errno{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.EMFILE, syscall.ENFILE, syscall.EACCES, syscall.EPERM, syscall.ENOMEM,
}
