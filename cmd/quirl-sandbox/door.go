//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A door is a socket of the host that listens inside of a box: what connects to
// it there reaches the process that has the socket, and nothing else of the host.
// The box's network needs no way to the host for that.

// listen opens a door on the box's loopback address.
func (b *box) listen(port int) (*os.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.removed {
		return nil, errGone
	}
	return b.inNetwork(func() (*os.File, error) { return loopbackSocket(port) })
}

const (
	// bootTime is how long a dial waits for a server, and bootPoll how often it looks.
	bootTime = 100 * time.Millisecond
	bootPoll = time.Millisecond
	// connectTime bounds a dial to a server whose queue is full.
	connectTime = 5 * time.Second
)

// dial connects to the server inside. Its error is ECONNREFUSED when there is none
// yet.
func (b *box) dial(port int) (*os.File, error) {
	return b.inNetwork(func() (*os.File, error) {
		began := time.Now()
		for {
			socket, err := loopbackConnection(port)
			if !errors.Is(err, unix.ECONNREFUSED) {
				return socket, err
			}
			if isClosed(b.ended) {
				return nil, errGone
			}
			if time.Since(began) > bootTime {
				return nil, err
			}
			time.Sleep(bootPoll)
		}
	})
}

// inNetwork opens a socket in the box's network.
func (b *box) inNetwork(open func() (*os.File, error)) (*os.File, error) {
	switch {
	case b.host.rootless:
		return nil, errors.New("the network of an ordinary user's box cannot be entered")
	case isClosed(b.ended):
		return nil, errGone
	}
	opened := make(chan struct{})
	var socket *os.File
	var err error
	go func() {
		defer close(opened)
		socket, err = openIn(b.pid, open)
	}()
	<-opened
	return socket, err
}

// openIn is to run on a goroutine of its own: a thread that does not come back from
// the box's network ends with it.
func openIn(pid int, open func() (*os.File, error)) (*os.File, error) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		return nil, err
	}
	defer home.Close()
	inside, err := netns.GetFromPid(pid)
	if err != nil {
		return nil, err
	}
	defer inside.Close()
	if err := netns.Set(inside); err != nil {
		return nil, fmt.Errorf("enter the network of the box: %w", err)
	}
	socket, err := open()
	if back := netns.Set(home); back != nil {
		if socket != nil {
			socket.Close()
		}
		return nil, fmt.Errorf("leave the network of the box: %w", back)
	}
	runtime.UnlockOSThread()
	return socket, err
}

// loopbackConnection connects to a port of the network that the thread is in.
func loopbackConnection(port int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	wait := unix.NsecToTimeval(connectTime.Nanoseconds())
	none := unix.Timeval{}
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &wait); err == nil {
		err = unix.Connect(fd, loopback(port))
	}
	if err == nil {
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &none)
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("connect to 127.0.0.1:%d of the box: %w", port, err)
	}
	return os.NewFile(uintptr(fd), "connection"), nil
}

func loopback(port int) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: port, Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())}
}

func loopbackSocket(port int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err = unix.Bind(fd, loopback(port)); err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen on 127.0.0.1:%d of the box: %w", port, err)
	}
	return os.NewFile(uintptr(fd), "door"), nil
}
