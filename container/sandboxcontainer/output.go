//go:build linux

package sandboxcontainer

import (
	"errors"
	"io"
	"os"
	"sync"
)

// An output reads one of a container's streams. It gives its descriptor back at
// the end of the stream, so that nobody must close it; one that is not read to
// the end goes with the container, by the garbage collector.
type output struct {
	file *os.File
	once sync.Once
}

func newOutput(file *os.File) *output { return &output{file: file} }

// Read implements io.Reader. The end is io.EOF, and stays so.
func (o *output) Read(p []byte) (int, error) {
	n, err := o.file.Read(p)
	if errors.Is(err, os.ErrClosed) {
		return n, io.EOF
	}
	if err != nil {
		o.close()
	}
	return n, err
}

func (o *output) close() { o.once.Do(func() { o.file.Close() }) }
