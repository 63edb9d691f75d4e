package ociimage

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// The annotations of an OCI layout that name an image: the specification's, which
// is often a tag alone, and the full one of containerd, which Docker writes too.
const (
	annotationRef  = "org.opencontainers.image.ref.name"
	annotationName = "io.containerd.image.name"
)

// archives is a folder with images. It is read anew for each search: operators put
// files there while the platform runs.
type archives struct {
	dir       string
	temporary string // where archives are unpacked
}

func newArchives(config Config) *archives {
	return &archives{dir: config.Archives, temporary: config.Dir}
}

// find returns the image that one of the archives has for a reference; without an
// image when none has.
func (a *archives) find(ref name.Reference) (found, error) {
	if a.dir == "" {
		return found{}, nil
	}
	entries, err := os.ReadDir(a.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return found{}, nil
	}
	if err != nil {
		return found{}, err
	}
	for _, e := range entries {
		at := filepath.Join(a.dir, e.Name())
		f, err := a.findIn(at, ref)
		if err != nil {
			return found{}, fmt.Errorf("archive %s: %w", at, err)
		}
		if f.image != nil {
			return f, nil
		}
	}
	return found{}, nil
}

func (a *archives) findIn(at string, ref name.Reference) (found, error) {
	info, err := os.Stat(at)
	if err != nil {
		return found{}, err
	}
	switch {
	case info.IsDir():
		image, err := findInLayout(at, at, ref)
		return found{image, func() {}}, err
	case filepath.Ext(at) != ".tar":
		return found{}, nil
	}
	// What `docker save` writes is of both kinds today; its own came first.
	image, own, err := findInSaved(at, ref)
	if own || err != nil {
		return found{image, func() {}}, err
	}
	return a.findInArchive(at, ref)
}

// findInSaved looks into a file of `docker save`; own says that it is one.
func findInSaved(at string, ref name.Reference) (image v1.Image, own bool, err error) {
	opener := func() (io.ReadCloser, error) { return os.Open(at) }
	manifest, err := tarball.LoadManifest(opener)
	if err != nil {
		return nil, false, nil
	}
	for _, one := range manifest {
		names := one.RepoTags
		if len(manifest) == 1 && len(names) == 0 {
			names = []string{fileName(at)}
		}
		for _, text := range names {
			tag, err := name.NewTag(text)
			if err != nil || tag.Name() != ref.Name() {
				continue
			}
			if len(one.RepoTags) == 0 {
				image, err = tarball.Image(opener, nil)
			} else {
				image, err = tarball.Image(opener, &tag)
			}
			return image, true, err
		}
	}
	return nil, true, nil
}

// findInArchive looks into an OCI archive, a layout as one file. The file is
// unpacked for that when it names the reference.
func (a *archives) findInArchive(at string, ref name.Reference) (found, error) {
	temporary, err := os.MkdirTemp(a.temporary, temporaryPrefix)
	if err != nil {
		return found{}, err
	}
	remove := func() { _ = os.RemoveAll(temporary) } // else Prune does
	image, err := findInExtracted(at, temporary, ref)
	if err != nil || image == nil {
		remove()
		return found{}, err
	}
	return found{image, remove}, nil
}

func findInExtracted(at, temporary string, ref name.Reference) (v1.Image, error) {
	// The index is small; the rest is read only when the index has the image.
	small := func(name string) bool { return name == "index.json" || name == "oci-layout" }
	if err := extract(at, temporary, small); err != nil {
		return nil, err
	}
	if has, err := names(temporary, at, ref); err != nil || !has {
		return nil, err
	}
	if err := extract(at, temporary, func(string) bool { return true }); err != nil {
		return nil, err
	}
	return findInLayout(temporary, at, ref)
}

// extract copies the chosen files of a tar file into a folder.
func extract(at, dir string, chosen func(name string) bool) error {
	file, err := os.Open(at)
	if err != nil {
		return err
	}
	defer file.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for entries := tar.NewReader(file); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(header.Name)
		if header.Typeflag != tar.TypeReg || !chosen(name) {
			continue
		}
		if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return err
		}
		out, err := root.Create(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, entries)
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
	}
}

// names says whether the index of a layout names the reference.
func names(dir, at string, ref name.Reference) (bool, error) {
	index, err := readIndex(dir)
	if index == nil || err != nil {
		return false, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return false, err
	}
	return len(meant(manifest, at, ref)) > 0, nil
}

// readIndex opens a layout; nil for a folder that is none.
func readIndex(dir string) (v1.ImageIndex, error) {
	if _, err := os.Stat(filepath.Join(dir, "index.json")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	at, err := layout.FromPath(dir)
	if err != nil {
		return nil, err
	}
	return at.ImageIndex()
}

// findInLayout looks into an OCI layout. at is where the user put it.
func findInLayout(dir, at string, ref name.Reference) (v1.Image, error) {
	index, err := readIndex(dir)
	if index == nil || err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, d := range meant(manifest, at, ref) {
		image, err := choose(index, d)
		if image != nil || err != nil {
			return image, err
		}
	}
	return nil, nil
}

// choose returns the image of a descriptor, from the one for this platform where it
// is of several; nil when that is missing.
func choose(index v1.ImageIndex, d v1.Descriptor) (v1.Image, error) {
	if d.MediaType.IsImage() {
		if d.Platform != nil && !d.Platform.Satisfies(platform) {
			return nil, nil
		}
		return index.Image(d.Digest)
	}
	if !d.MediaType.IsIndex() {
		return nil, nil
	}
	inner, err := index.ImageIndex(d.Digest)
	if err != nil {
		return nil, err
	}
	manifest, err := inner.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, d := range manifest.Manifests {
		if image, err := choose(inner, d); image != nil || err != nil {
			return image, err
		}
	}
	return nil, nil
}

// meant are the descriptors of an index that a reference means.
func meant(index *v1.IndexManifest, at string, ref name.Reference) []v1.Descriptor {
	var all []v1.Descriptor
	for _, d := range index.Manifests {
		if digest, ok := ref.(name.Digest); ok && digest.DigestStr() == d.Digest.String() || isNamed(d, at, ref, len(index.Manifests)) {
			all = append(all, d)
		}
	}
	return all
}

// isNamed says whether a descriptor is the one that a reference names. One that has
// a tag alone is named after its file, and so is one that is alone and has no name.
func isNamed(d v1.Descriptor, at string, ref name.Reference, many int) bool {
	full, short := d.Annotations[annotationName], d.Annotations[annotationRef]
	candidates := []string{full, short, fileName(at) + ":" + short}
	if full == "" && short == "" && many == 1 {
		candidates = []string{fileName(at)}
	}
	for _, text := range candidates {
		if tag, err := name.NewTag(text); err == nil && tag.Name() == ref.Name() {
			return true
		}
	}
	return false
}

// fileName is the name that an archive gives to its image.
func fileName(at string) string { return strings.TrimSuffix(filepath.Base(at), ".tar") }
