package result

import "os"

// A plainSegment is a file that is written to: a system call per entry.
type plainSegment struct{ file *os.File }

func newPlainSegment(path string) (segment, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return plainSegment{f}, nil
}

// writeAt is that of segment.
func (s plainSegment) writeAt(data []byte, offset int64) error {
	_, err := s.file.WriteAt(data, offset)
	return err
}

func (s plainSegment) empty() error { return s.file.Truncate(0) }

func (s plainSegment) close() error { return s.file.Close() }
