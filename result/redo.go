package result

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"quirl/whisk"
)

// segmentSize is how large a file of the redo log becomes before the next one is begun.
const segmentSize = 8 << 20

// lengthBytes is the size of an entry's length, which is what it begins with.
const lengthBytes = 4

// keepBuffer is how large the buffer for entries may stay.
const keepBuffer = 1 << 20

// The kinds of entries: with a record to be stored, and with one that is not wanted.
const (
	keepEntry    = 'k'
	discardEntry = 'd'
)

// A redoLog holds the records that the store does not have yet, so that they
// survive the loss of this process: an entry is one write to a file, some
// microseconds, while the store takes many at once later. Files are not synced:
// the loss of the machine may cost the last moments.
//
// An entry is its length (4 bytes), the CRC-32 of what follows (4 bytes), its
// kind (1 byte) and the record's document; a length of 0 ends the file. A file is
// removed once the store has all of its records. It is not safe for concurrent use.
type redoLog struct {
	dir     string
	number  int
	file    segment // nil before the first entry
	size    int64
	pending map[int]int // records of each file that the store does not have yet
	buf     []byte
}

// A segment is a file of the log.
type segment interface {
	// writeAt writes at an offset up to which all was written, so that it survives
	// the loss of the process. What was behind it counts no more.
	writeAt(data []byte, offset int64) error
	// empty makes nothing of it count.
	empty() error
	close() error
}

func openRedo(dir string) (*redoLog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("redo log: %w", err)
	}
	return &redoLog{dir: dir, pending: make(map[int]int)}, nil
}

func (l *redoLog) path(number int) string {
	return filepath.Join(l.dir, fmt.Sprintf("records-%09d.log", number))
}

// append writes an entry and returns the number of its file, to be given to stored.
func (l *redoLog) append(a *whisk.Activation, discard bool) (int, error) {
	kind := byte(keepEntry)
	if discard {
		kind = discardEntry
	}
	l.buf = append(append(l.buf[:0], 0, 0, 0, 0, 0, 0, 0, 0, kind), whisk.EncodeActivation(a)...)
	binary.LittleEndian.PutUint32(l.buf, uint32(len(l.buf)-8))
	binary.LittleEndian.PutUint32(l.buf[4:], crc32.ChecksumIEEE(l.buf[8:]))
	need := int64(len(l.buf))
	if l.file == nil || l.size+need > segmentSize {
		if err := l.roll(need); err != nil {
			return 0, err
		}
	}
	if err := l.file.writeAt(l.buf, l.size); err != nil {
		l.size = segmentSize // a torn entry ends the file
		return 0, fmt.Errorf("redo log: %w", err)
	}
	l.size += need
	if cap(l.buf) > keepBuffer {
		l.buf = nil
	}
	l.pending[l.number]++
	return l.number, nil
}

// roll begins a file that has room for an entry of that many bytes, and for more
// unless that is a huge one.
func (l *redoLog) roll(need int64) error {
	if err := l.close(); err != nil {
		return err
	}
	l.number++
	f, err := newSegment(l.path(l.number), max(segmentSize, need))
	if err != nil {
		return fmt.Errorf("redo log: %w", err)
	}
	l.file, l.size = f, 0
	return nil
}

// stored tells that the store has one more record of that file.
func (l *redoLog) stored(number int) {
	if number == 0 {
		return
	}
	l.pending[number]--
	if number != l.number {
		l.drop(number)
		return
	}
	// Nothing in it is needed any more: the next entry is the first. One that
	// cannot be emptied is read again, which does no harm.
	if l.pending[number] == 0 && l.file != nil && l.file.empty() == nil {
		l.size = 0
	}
}

// drop removes a file that is not written any more once nothing in it is needed.
func (l *redoLog) drop(number int) {
	if l.pending[number] == 0 {
		delete(l.pending, number)
		os.Remove(l.path(number)) // one that stays is read again, which does no harm
	}
}

// close ends the log; what the store has everything of is removed.
func (l *redoLog) close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.close()
	l.file = nil
	l.drop(l.number)
	if err != nil {
		return fmt.Errorf("redo log: %w", err)
	}
	return nil
}

// A redoEntry is what readRedo found.
type redoEntry struct {
	record  *whisk.Activation
	discard bool
}

// readRedo calls each for every whole entry in dir, oldest first, and returns
// the files it read. A torn entry, which a lost process leaves at the end, ends its file.
func readRedo(dir string, each func(redoEntry) error) (files []string, err error) {
	files, err = filepath.Glob(filepath.Join(dir, "records-*.log"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("redo log: %w", err)
		}
		err = readSegment(bufio.NewReaderSize(f, 1<<16), each)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("redo log %s: %w", strings.TrimPrefix(file, dir), err)
		}
	}
	return files, nil
}

func readSegment(r io.Reader, each func(redoEntry) error) error {
	var head [8]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil // the end, or a torn head
		}
		length := binary.LittleEndian.Uint32(head[:])
		if length < 2 || length > 256<<20 {
			return nil
		}
		body, err := io.ReadAll(io.LimitReader(r, int64(length)))
		if err != nil || len(body) != int(length) || crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(head[4:]) {
			return nil
		}
		record, err := whisk.DecodeActivation(body[1:])
		if err != nil {
			return err
		}
		if err := each(redoEntry{record, body[0] == discardEntry}); err != nil {
			return err
		}
	}
}
