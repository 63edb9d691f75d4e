package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

const (
	// maxPacket bounds a message; a Create with a huge environment may reach it.
	maxPacket = 1 << 20
	// maxFiles is more than any message carries.
	maxFiles = 8
)

// ErrTooLong says that a message does not fit into one packet.
var ErrTooLong = errors.New("message is too long for the launcher's socket; shorten the environment or the list of mounts")

// A Conn is one end of the socket. Send may be called from many goroutines,
// Receive from one.
type Conn struct {
	socket *net.UnixConn
	write  sync.Mutex
	packet []byte
	oob    []byte
}

// NewConn takes over file, one end of a SOCK_SEQPACKET pair, and closes it.
func NewConn(file *os.File) (*Conn, error) {
	defer file.Close()
	c, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("open launcher socket: %w", err)
	}
	socket, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("launcher socket is a %T, want a unix socket", c)
	}
	// Best effort: an ordinary user gets what net.core.wmem_max allows.
	_ = socket.SetWriteBuffer(maxPacket)
	return &Conn{
		socket: socket,
		packet: make([]byte, maxPacket),
		oob:    make([]byte, syscall.CmsgSpace(maxFiles*4)),
	}, nil
}

// Send writes one message and lends it files; they stay the caller's.
func (c *Conn) Send(m Message, files ...*os.File) error {
	packet, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode launcher message: %w", err)
	}
	if len(packet) > maxPacket {
		return ErrTooLong
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = syscall.UnixRights(fds...)
	}
	c.write.Lock()
	defer c.write.Unlock()
	_, _, err = c.socket.WriteMsgUnix(packet, rights, nil)
	if errors.Is(err, syscall.EMSGSIZE) {
		return ErrTooLong
	}
	return err
}

// Receive reads the next message. The files that came with it are the caller's
// to close. It returns io.EOF when the other side is gone.
func (c *Conn) Receive() (Message, []*os.File, error) {
	var m Message
	n, oobn, flags, _, err := c.socket.ReadMsgUnix(c.packet, c.oob)
	if errors.Is(err, syscall.ECONNRESET) {
		// The other side died with messages of ours unread.
		return m, nil, io.EOF
	}
	if err != nil {
		return m, nil, err
	}
	files, err := openRights(c.oob[:oobn])
	if err == nil && flags&(syscall.MSG_TRUNC|syscall.MSG_CTRUNC) != 0 {
		err = ErrTooLong
	}
	if err == nil {
		err = json.Unmarshal(c.packet[:n], &m)
	}
	if err != nil {
		CloseFiles(files)
		return m, nil, fmt.Errorf("decode launcher message: %w", err)
	}
	return m, files, nil
}

// Close ends the connection; a blocked Receive returns.
func (c *Conn) Close() error { return c.socket.Close() }

// CloseWrite tells the other side that nothing more comes, and still receives.
func (c *Conn) CloseWrite() error { return c.socket.CloseWrite() }

// CloseFiles closes all of files.
func CloseFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func openRights(oob []byte) ([]*os.File, error) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}
