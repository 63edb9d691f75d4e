package project

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// maxArchive is what an archive may have so that its base64 text, and the name of the
// entry point beside it, keep within the platform's limit for code, 48 MB.
const maxArchive = 36<<20 - 1024

// epoch is the time of all entries, the first one that the format knows.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// pack writes a zip file: the same files give the same bytes.
func pack(target string, files []file) error {
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make the archive: %w", err)
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	z := zip.NewWriter(out)
	for _, f := range files {
		if err := packFile(z, f); err != nil {
			return errors.Join(fmt.Errorf("pack %s: %w", f.name, err), out.Close())
		}
	}
	if err := errors.Join(z.Close(), out.Close()); err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	return nil
}

func packFile(z *zip.Writer, f file) error {
	header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: epoch}
	header.SetMode(f.mode())
	to, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	from, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(to, from)
	return err
}

// checkSize complains about an archive of more than limit bytes, and says what is large in it.
func checkSize(archive string, limit int64) error {
	info, err := os.Stat(archive)
	if err != nil {
		return err
	}
	if info.Size() <= limit {
		return nil
	}
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	slices.SortFunc(z.File, func(a, b *zip.File) int { return int(int64(b.CompressedSize64) - int64(a.CompressedSize64)) })
	var largest []string
	for _, f := range z.File[:min(5, len(z.File))] {
		largest = append(largest, fmt.Sprintf("%s (%s)", f.Name, megabytes(int64(f.CompressedSize64))))
	}
	return fmt.Errorf("has %s, and %s are allowed; the largest files in it are %s: name in %s what the action does not need",
		megabytes(info.Size()), megabytes(limit), strings.Join(largest, ", "), ignoreFile)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
