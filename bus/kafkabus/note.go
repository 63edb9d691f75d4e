package kafkabus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// A note is a group's position in a local file: 8 bytes, big-endian, which one write replaces. It
// survives the loss of the process, which is what it is for, and maybe that of the machine.
type note struct {
	path string
	file *os.File
}

// newNote is that of a topic and group in a folder; without a folder nothing is noted.
func newNote(folder, topic, group string) *note {
	if folder == "" {
		return &note{}
	}
	return &note{path: filepath.Join(folder, url.PathEscape(topic)+"@"+url.PathEscape(group))}
}

// read returns what was noted, -1 when nothing was.
func (n *note) read() (int64, error) {
	if n.path == "" {
		return -1, nil
	}
	data, err := os.ReadFile(n.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(data) == 0:
		return -1, nil
	case err != nil:
		return -1, fmt.Errorf("position: %w", err)
	case len(data) != 8:
		return -1, fmt.Errorf("%s is damaged; without it the position that Kafka has is used", n.path)
	}
	return int64(binary.BigEndian.Uint64(data)), nil
}

// write replaces what is noted; the caller sees to it that one does so at a time.
func (n *note) write(position int64) (err error) {
	if n.path == "" {
		return nil
	}
	if n.file == nil {
		if n.file, err = os.OpenFile(n.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
			return err
		}
	}
	_, err = n.file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(position)), 0)
	return err
}

func (n *note) close() error {
	if n.file == nil {
		return nil
	}
	return n.file.Close()
}
