package sdk_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"testing"

	"quirl/api/sdk"
)

func TestDocker(t *testing.T) {
	plain, err := gzip.NewReader(bytes.NewReader(sdk.Docker()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for in := tar.NewReader(plain); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if executable := h.Mode&0o100 != 0; executable != slices.Contains([]string{"dockerSkeleton/exec", "dockerSkeleton/buildAndPush.sh"}, h.Name) {
			t.Errorf("%s has mode %o", h.Name, h.Mode)
		}
	}
	want := []string{"dockerSkeleton/Dockerfile", "dockerSkeleton/README.md", "dockerSkeleton/buildAndPush.sh", "dockerSkeleton/exec"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
