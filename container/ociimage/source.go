package ociimage

import (
	"context"
	"runtime"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// found is an image that can be read until it is closed.
type found struct {
	image v1.Image
	close func()
}

// platform is what images are to be for.
var platform = v1.Platform{OS: "linux", Architecture: runtime.GOARCH}

// find looks into the archives, then asks the registry.
func (s *Store) find(ctx context.Context, ref name.Reference) (found, error) {
	f, err := s.archives.find(ref)
	if err != nil || f.image != nil {
		return f, err
	}
	image, err := remote.Image(ref, remote.WithContext(ctx), remote.WithPlatform(platform), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	return found{image, func() {}}, err
}
