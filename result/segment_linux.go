package result

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// A mappedSegment is a file whose pages are in this process's memory: an entry is
// a copy. What is in a shared page the kernel writes to the file, whatever becomes
// of the process.
type mappedSegment struct{ memory []byte }

// newSegment makes a file of that size. Its space is taken ahead, since a full
// disk would otherwise show in the middle of a copy, as a signal.
func newSegment(path string, size int64) (segment, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	memory, err := mapFile(f, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENODEV) { // not on this file system
		return newPlainSegment(path)
	}
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "map", Path: path, Err: err}, os.Remove(path))
	}
	return mappedSegment{memory}, nil
}

func mapFile(f *os.File, size int64) ([]byte, error) {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		if err == nil {
			return unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, err
		}
	}
}

// writeAt is that of segment. The end goes first, then what the entry consists
// of, then its length, so that it counts when it is whole.
func (s mappedSegment) writeAt(data []byte, offset int64) error {
	rest := s.memory[offset:]
	clear(rest[len(data):min(len(rest), len(data)+lengthBytes)])
	copy(rest[lengthBytes:], data[lengthBytes:])
	copy(rest, data[:lengthBytes])
	return nil
}

func (s mappedSegment) empty() error {
	clear(s.memory[:lengthBytes])
	return nil
}

func (s mappedSegment) close() error { return unix.Munmap(s.memory) }
