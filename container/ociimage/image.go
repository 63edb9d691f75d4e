package ociimage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	temporaryPrefix = "temporary-"
	rootName        = "root"
	configName      = "image.json"
)

// An Image is one that was unpacked.
type Image struct {
	// Digest is that of the manifest, e.g. "sha256:…".
	Digest string `json:"digest"`
	// Root is the folder with the image's files.
	Root string `json:"-"`
	// Command is what the image starts: its entry point and the arguments of that.
	// The first word need not be a path.
	Command []string `json:"command"`
	// Env is the image's environment, as NAME=VALUE.
	Env []string `json:"env"`
	// Dir is where the command is to be started, an absolute path.
	Dir string `json:"dir"`
}

// describe returns what of an image's configuration is kept.
func describe(config *v1.ConfigFile, digest v1.Hash) Image {
	dir := config.Config.WorkingDir
	if !strings.HasPrefix(dir, "/") {
		dir = "/" + dir
	}
	return Image{
		Digest:  digest.String(),
		Command: slices.Concat(config.Config.Entrypoint, config.Config.Cmd),
		Env:     config.Config.Env,
		Dir:     dir,
	}
}

func (s *Store) folder(digest v1.Hash) string { return filepath.Join(s.config.Dir, digest.Hex) }

// open returns an unpacked image, nil when it is not there. It is noted as used.
func (s *Store) open(digest v1.Hash) (*Image, error) {
	file := filepath.Join(s.folder(digest), configName)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	image := Image{Root: filepath.Join(s.folder(digest), rootName)}
	if err := json.Unmarshal(text, &image); err != nil {
		return nil, fmt.Errorf("images: %s: %w; remove this folder to have the image fetched anew", s.folder(digest), err)
	}
	if now := time.Now(); usedAt(file).Before(now.Add(-time.Hour)) {
		_ = os.Chtimes(file, now, now)
	}
	return &image, nil
}

func usedAt(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Prune removes what a killed predecessor left half unpacked, and images that
// nobody used for a while. No container may be alive.
func (s *Store) Prune(unused time.Duration) error {
	entries, err := os.ReadDir(s.config.Dir)
	if err != nil {
		return fmt.Errorf("images: %w", err)
	}
	var problems []error
	for _, e := range entries {
		dir := filepath.Join(s.config.Dir, e.Name())
		half := strings.HasPrefix(e.Name(), temporaryPrefix)
		used := usedAt(filepath.Join(dir, configName))
		switch {
		case !e.IsDir() || !half && time.Since(used) < unused:
			continue
		case !half:
			// Its description first: without it an image is not there.
			if err := os.Remove(filepath.Join(dir, configName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, err)
				continue
			}
			s.config.Log.Info("unused image removed", "digest", e.Name(), "used", used)
		}
		problems = append(problems, os.RemoveAll(dir))
	}
	return errors.Join(problems...)
}
