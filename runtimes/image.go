package runtimes

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ErrImageName says that a text is not the reference of an image.
var ErrImageName = errors.New("could not parse image name")

// latestTag is what a reference without a tag means.
const latestTag = "latest"

// An Image is the reference [registry/][prefix/]name[:tag][@digest] of an OCI image.
type Image struct {
	Registry string `json:"registry,omitempty"` // host[:port]
	Prefix   string `json:"prefix,omitempty"`   // may have several parts: a/b
	Name     string `json:"name"`
	Tag      string `json:"tag,omitempty"`
	Digest   string `json:"digest,omitempty"` // sha256:<64 hex digits>
}

var (
	namePart = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$`)
	tagPart  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digests  = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	hostPart = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?$`)
)

// ParseImage reads a reference. The first part is a registry when it has a dot
// or a port, or is "localhost". It returns ErrImageName for anything else.
func ParseImage(text string) (Image, error) {
	var image Image
	reference, digest, pinned := strings.Cut(text, "@")
	if image.Digest = digest; pinned && !digests.MatchString(digest) {
		return Image{}, fmt.Errorf("%w %q", ErrImageName, text)
	}
	parts := strings.Split(reference, "/")
	if len(parts) > 1 && isRegistry(parts[0]) {
		image.Registry, parts = parts[0], parts[1:]
	}
	last := len(parts) - 1
	image.Prefix = strings.Join(parts[:last], "/")
	var tagged bool
	image.Name, image.Tag, tagged = strings.Cut(parts[last], ":")
	if tagged && image.Tag == "" || last > 0 && image.Prefix == "" {
		return Image{}, fmt.Errorf("%w %q", ErrImageName, text)
	}
	if err := image.check(); err != nil {
		return Image{}, fmt.Errorf("%w %q", ErrImageName, text)
	}
	return image, nil
}

func isRegistry(part string) bool {
	return strings.ContainsAny(part, ".:") || part == "localhost"
}

func (i Image) check() error {
	parts := []string{i.Name}
	if i.Prefix != "" {
		parts = append(parts, strings.Split(i.Prefix, "/")...)
	}
	for _, part := range parts {
		if !namePart.MatchString(part) {
			return ErrImageName
		}
	}
	if i.Tag != "" && !tagPart.MatchString(i.Tag) || i.Registry != "" && !hostPart.MatchString(i.Registry) {
		return ErrImageName
	}
	return nil
}

// String is the reference as it was given.
func (i Image) String() string {
	text := i.Name
	if i.Prefix != "" {
		text = i.Prefix + "/" + text
	}
	if i.Registry != "" {
		text = i.Registry + "/" + text
	}
	if i.Tag != "" {
		text += ":" + i.Tag
	}
	if i.Digest != "" {
		text += "@" + i.Digest
	}
	return text
}

// In is the reference with a registry: registry (a trailing slash is allowed)
// where the image names none, as OpenWhisk's registry settings do.
func (i Image) In(registry string) Image {
	if i.Registry == "" {
		i.Registry = strings.TrimSuffix(registry, "/")
	}
	return i
}

// IsLatest says that the reference means the tag "latest", so that its content may change.
func (i Image) IsLatest() bool { return i.Digest == "" && (i.Tag == "" || i.Tag == latestTag) }

// Matches says that two references mean the same image; the tag may be left out for "latest".
func (i Image) Matches(other Image) bool {
	tags := i.Tag == other.Tag || i.IsLatest() && other.IsLatest()
	return tags && i.Digest == other.Digest && i.Registry == other.Registry && i.Prefix == other.Prefix && i.Name == other.Name
}
