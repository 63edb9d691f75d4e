package ociimage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// references is the file that says what each reference meant when it was last
// fetched.
type references struct {
	file string

	mu      sync.Mutex
	digests map[string]v1.Hash
}

func openReferences(file string) (*references, error) {
	r := &references{file: file, digests: make(map[string]v1.Hash)}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	if err := json.Unmarshal(text, &r.digests); err != nil {
		return nil, fmt.Errorf("images: %s: %w; remove this file to have the images looked up anew", file, err)
	}
	return r, nil
}

func (r *references) get(reference string) (v1.Hash, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	digest, ok := r.digests[reference]
	return digest, ok
}

func (r *references) set(reference string, digest v1.Hash) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.digests[reference] == digest {
		return nil
	}
	r.digests[reference] = digest
	text, err := json.MarshalIndent(r.digests, "", "  ")
	if err != nil {
		return fmt.Errorf("images: %w", err)
	}
	// Replaced as a whole, so that a crash leaves the old file or the new one.
	if err := os.WriteFile(r.file+".new", text, 0o600); err != nil {
		return fmt.Errorf("images: %w", err)
	}
	if err := os.Rename(r.file+".new", r.file); err != nil {
		return fmt.Errorf("images: %w", err)
	}
	return nil
}
