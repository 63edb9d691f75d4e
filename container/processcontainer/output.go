package processcontainer

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// An output is the reading end of a pipe that can be closed without losing what
// is in it: finish takes the rest out, for later Reads. A plain pipe would only
// end when every process that inherited it has ended, and some may have left
// the process group.
type output struct {
	pipe     *os.File
	finished chan struct{} // closed when rest is complete

	reading sync.Mutex // held while the pipe is in use
	once    sync.Once
	rest    []byte
}

func newOutput(pipe *os.File) *output {
	return &output{pipe: pipe, finished: make(chan struct{})}
}

// Read reads from the pipe, then what finish has saved, then io.EOF.
func (o *output) Read(b []byte) (int, error) {
	select {
	case <-o.finished:
		return o.readRest(b)
	default:
	}
	o.reading.Lock()
	n, err := o.pipe.Read(b)
	o.reading.Unlock()
	if n > 0 || err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
		<-o.finished
		return o.readRest(b)
	}
	return 0, err
}

func (o *output) readRest(b []byte) (int, error) {
	o.reading.Lock()
	defer o.reading.Unlock()
	if len(o.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

// finish is called when the container's processes were killed. It wakes a
// blocked Read, saves what the pipe holds (at most its capacity) and closes it.
func (o *output) finish() {
	o.once.Do(func() {
		_ = o.pipe.SetReadDeadline(time.Unix(1, 0))
		o.reading.Lock()
		o.rest = drain(o.pipe)
		_ = o.pipe.Close()
		o.reading.Unlock()
		close(o.finished)
	})
}

// drain reads what is there now. It goes round os.File, whose deadline has passed.
func drain(pipe *os.File) []byte {
	var all []byte
	raw, err := pipe.SyscallConn()
	if err != nil {
		return nil
	}
	buf := make([]byte, 64<<10)
	_ = raw.Control(func(fd uintptr) {
		for {
			n, err := syscall.Read(int(fd), buf)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if n <= 0 || err != nil { // the end, or EAGAIN: an escaped process holds the other end
				return
			}
			all = append(all, buf[:n]...)
		}
	})
	return all
}
