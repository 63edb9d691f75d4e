package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// FileAttachments keeps each attachment as a file named by its SHA-256, in
// folders by the first two digits. Files are written aside and renamed, so that
// a file under its name is whole.
type FileAttachments struct {
	dir string
	// putting keeps Remove from what is being put.
	putting sync.Mutex
}

var (
	_ Attachments = (*FileAttachments)(nil)
	_ Collector   = (*FileAttachments)(nil)
)

// NewFileAttachments keeps attachments below dir, which it makes.
func NewFileAttachments(dir string) (*FileAttachments, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	return &FileAttachments{dir: dir}, nil
}

func (f *FileAttachments) path(sum string) string { return filepath.Join(f.dir, sum[:2], sum) }

// PutAttachment is that of Attachments.
func (f *FileAttachments) PutAttachment(ctx context.Context, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	path := f.path(name)
	f.putting.Lock()
	defer f.putting.Unlock()
	if _, err := f.Attachment(ctx, name); err == nil { // there, and undamaged
		now := time.Now()
		if err := os.Chtimes(path, now, now); err != nil {
			return "", fmt.Errorf("touch attachment: %w", err)
		}
		return name, nil
	}
	if err := writeWhole(path, data); err != nil {
		return "", fmt.Errorf("write attachment: %w", err)
	}
	return name, nil
}

func writeWhole(path string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	if _, err = tmp.Write(data); err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Attachment is that of Attachments.
func (f *FileAttachments) Attachment(_ context.Context, sum string) ([]byte, error) {
	if len(sum) != 2*sha256.Size {
		return nil, ErrNotFound
	}
	data, err := os.ReadFile(f.path(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read attachment: %w", err)
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("attachment %s is damaged: its sum is %x", sum, got)
	}
	return data, nil
}

// Sums is that of Collector.
func (f *FileAttachments) Sums(ctx context.Context) ([]string, error) {
	var sums []string
	err := filepath.WalkDir(f.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && d.Type().IsRegular() && len(d.Name()) == 2*sha256.Size && !strings.HasPrefix(d.Name(), ".") {
			sums = append(sums, d.Name())
		}
		return err
	})
	return sums, err
}

// Remove is that of Collector.
func (f *FileAttachments) Remove(_ context.Context, sum string, unlessPutAfter time.Time) (bool, error) {
	if len(sum) != 2*sha256.Size {
		return false, nil
	}
	f.putting.Lock()
	defer f.putting.Unlock()
	info, err := os.Stat(f.path(sum))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().After(unlessPutAfter) {
		return false, nil
	}
	if err == nil {
		err = os.Remove(f.path(sum))
	}
	return err == nil, err
}
