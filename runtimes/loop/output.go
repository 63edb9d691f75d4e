package loop

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// An output carries one stream of the programs to the container's. It stands between
// them so that it can tell whether, and that everything, was printed.
type output struct {
	in, child *os.File // the ends of a pipe
	out       io.Writer

	mu      sync.Mutex // held while text is on its way
	buffer  []byte
	printed bool // since the last end
	midLine bool
}

// newOutput returns an output whose child end programs inherit.
func newOutput(out io.Writer) (*output, error) {
	in, child, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe for output: %w", err)
	}
	o := &output{in: in, child: child, out: out, buffer: make([]byte, 64<<10)}
	go o.carry()
	return o, nil
}

// carry passes text on whenever there is some, until nobody can print any more.
func (o *output) carry() {
	raw, err := o.in.SyscallConn()
	if err != nil {
		panic(err) // it is a pipe
	}
	for ended := false; !ended; {
		if raw.Read(func(fd uintptr) bool {
			var more bool
			more, ended = o.pass(int(fd))
			return more || ended
		}) != nil {
			return
		}
	}
}

// pass carries one piece of text; more says that there was one, ended that there will
// be none.
func (o *output) pass(fd int) (more, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := readNow(fd, o.buffer)
	if n > 0 {
		o.write(o.buffer[:n])
	}
	return n > 0, err == nil && n == 0 || err != nil && !errors.Is(err, syscall.EAGAIN)
}

func readNow(fd int, buffer []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, buffer)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}

func (o *output) write(text []byte) {
	_, _ = o.out.Write(text) // who does not read has his reasons
	o.printed, o.midLine = true, text[len(text)-1] != '\n'
}

// drain passes on all that was printed up to now.
func (o *output) drain() {
	raw, err := o.in.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for more := true; more; {
			more, _ = o.pass(int(fd))
		}
	})
}

// log writes a line of ours.
func (o *output) log(text string) {
	o.drain()
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = io.WriteString(o.out, text+"\n") // there is nobody else to tell
}

// end writes a sentinel on a line of its own.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := sentinel
	if o.midLine {
		text = "\n" + sentinel
	}
	_, _ = io.WriteString(o.out, text)
	o.printed, o.midLine = false, false
}

// forget begins a new activation without a sentinel.
func (o *output) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.printed, o.midLine = false, false
}

func (o *output) hasPrinted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.printed
}

// outputs are both streams.
type outputs struct{ stdout, stderr *output }

// end ends the output of an activation; it returns whether it did without sentinels,
// which is told by the header of the request: "if-printed", "never", or else always.
func (o outputs) end(sentinels string) (silent bool) {
	o.stdout.drain()
	o.stderr.drain()
	printed := o.stdout.hasPrinted() || o.stderr.hasPrinted()
	if sentinels == "never" || sentinels == "if-printed" && !printed {
		o.stdout.forget()
		o.stderr.forget()
		return true
	}
	o.stdout.end()
	o.stderr.end()
	return false
}
