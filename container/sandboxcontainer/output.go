//go:build linux

package sandboxcontainer

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"quirl/container"
)

// An output reads one of a container's streams. It gives its descriptor back at
// the end of the stream, so that nobody must close it; one that is not read to
// the end goes with the container, by the garbage collector.
type output struct {
	file *os.File
	raw  syscall.RawConn // nil when there is none, and then Drained never tells
	fd   int             // of file, valid until ended
	once sync.Once

	mu     sync.Mutex
	idle   bool // its reader has found the pipe empty and waits for more
	ended  bool
	signal chan struct{} // closed when idle is next found to be so; nil while nobody waits
}

var _ container.Drainer = (*output)(nil)

func newOutput(file *os.File) *output {
	o := &output{file: file}
	raw, err := file.SyscallConn()
	if err == nil && raw.Control(func(fd uintptr) { o.fd = int(fd) }) == nil {
		o.raw = raw
	}
	return o
}

// Read implements io.Reader. The end is io.EOF, and stays so.
func (o *output) Read(p []byte) (int, error) {
	n, err := o.read(p)
	if errors.Is(err, os.ErrClosed) {
		return 0, io.EOF
	}
	if err == nil && n == 0 && len(p) > 0 {
		err = io.EOF
	}
	if err != nil {
		o.close()
	}
	return n, err
}

// read takes what is there under o.mu, so that nothing is ever under way between
// the pipe and the reader without o.idle saying so.
func (o *output) read(p []byte) (n int, err error) {
	if o.raw == nil {
		return o.file.Read(p)
	}
	waited := o.raw.Read(func(fd uintptr) bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		for {
			n, err = unix.Read(int(fd), p)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		o.idle = errors.Is(err, unix.EAGAIN)
		if o.idle {
			o.tell()
		}
		return !o.idle
	})
	if waited != nil { // only a file that was closed cannot be waited for
		return 0, os.ErrClosed
	}
	return max(n, 0), err
}

// Drained is that of container.Drainer.
func (o *output) Drained() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ended:
		return true
	case !o.idle:
		return false
	}
	left, err := unix.IoctlGetInt(o.fd, unix.TIOCINQ)
	return err == nil && left == 0
}

// Idle is that of container.Drainer.
func (o *output) Idle() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.signal == nil {
		o.signal = make(chan struct{})
		if o.ended {
			close(o.signal)
		}
	}
	return o.signal
}

// tell wakes those who wait for idle. o.mu is held.
func (o *output) tell() {
	if o.signal != nil && !o.ended {
		close(o.signal)
		o.signal = nil
	}
}

func (o *output) close() {
	o.once.Do(func() {
		o.mu.Lock()
		o.tell()
		o.ended = true
		o.mu.Unlock()
		o.file.Close()
	})
}
