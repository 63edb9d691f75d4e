// Package sdk has what the platform offers to download for those who make actions of images.
//
// It promises the same bytes on each call, so that caches can hold them.
package sdk

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"time"
)

// The folder has the name that OpenWhisk's has, which the command line looks for.
//
//go:embed dockerSkeleton
var files embed.FS

// programs are the files that can be executed; an embedded file cannot say so itself.
var programs = []string{"exec", "buildAndPush.sh"}

// Docker is the archive (tar, gzip) with the skeleton of an action in an image.
var Docker = sync.OnceValue(func() []byte {
	var out bytes.Buffer
	if err := pack(&out); err != nil {
		panic(fmt.Sprintf("pack the embedded skeleton: %v", err)) // the files are part of this program, and a test packs them
	}
	return out.Bytes()
})

func pack(out *bytes.Buffer) error {
	compressed := gzip.NewWriter(out)
	archive := tar.NewWriter(compressed)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		for _, program := range programs {
			if path.Base(name) == program {
				header.Mode = 0o755
			}
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err = archive.Write(content)
		return err
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressed.Close()
}
