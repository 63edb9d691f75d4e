//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

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
	switch {
	case b.removed:
		return nil, errGone
	case b.host.rootless:
		return nil, errors.New("the network of an ordinary user's box cannot be entered")
	case b.link == nil:
		return nil, errors.New("the box has no network")
	}
	opened := make(chan struct{})
	var socket *os.File
	var err error
	go func() {
		defer close(opened)
		socket, err = listenIn(b.pid, port)
	}()
	<-opened
	return socket, err
}

// listenIn opens the socket. It is to run on a goroutine of its own: a thread
// that does not come back from the box's network ends with it.
func listenIn(pid, port int) (*os.File, error) {
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
	socket, err := loopbackSocket(port)
	if back := netns.Set(home); back != nil {
		if socket != nil {
			socket.Close()
		}
		return nil, fmt.Errorf("leave the network of the box: %w", back)
	}
	runtime.UnlockOSThread()
	return socket, err
}

func loopbackSocket(port int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	address := &unix.SockaddrInet4{Port: port, Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())}
	if err = unix.Bind(fd, address); err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen on 127.0.0.1:%d of the box: %w", port, err)
	}
	return os.NewFile(uintptr(fd), "door"), nil
}
