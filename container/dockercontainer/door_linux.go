package dockercontainer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"quirl/container"
)

var _ container.Doorway = (*box)(nil)

// errNoDoor says that the container's network cannot be entered from here.
var errNoDoor = errors.New("the network of a container can be entered only as root, with an engine on this machine")

// Listen is that of container.Doorway. The socket is opened by a thread that enters
// the container's network for that moment.
func (b *box) Listen(port int) (net.Listener, error) {
	select {
	case <-b.located:
	case <-b.done:
		return nil, b.gone()
	}
	if b.isDone() {
		return nil, b.gone()
	}
	if !isFirstProcess(b.pid, b.made.id) {
		return nil, fmt.Errorf("container %s: %w", b.name, errNoDoor)
	}
	type opened struct {
		socket *os.File
		err    error
	}
	result := make(chan opened)
	go func() {
		socket, err := listenIn(b.pid, port)
		result <- opened{socket, err}
	}()
	r := <-result
	if r.err != nil {
		return nil, fmt.Errorf("container %s: %w", b.name, r.err)
	}
	defer func() { _ = r.socket.Close() }() // the listener has a copy
	return net.FileListener(r.socket)
}

// isFirstProcess says that pid, as the engine sees it, is on this machine, too.
func isFirstProcess(pid int, id string) bool {
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	return os.Geteuid() == 0 && err == nil && strings.Contains(string(groups), id)
}

// listenIn opens the socket. It is to run on a goroutine of its own: a thread that
// does not come back from the container's network ends with it.
func listenIn(pid, port int) (*os.File, error) {
	runtime.LockOSThread()
	home, err := openNetwork("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(home) }()
	inside, err := openNetwork(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(inside) }()
	if err := unix.Setns(inside, unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter the network of the container: %w", err)
	}
	socket, err := loopbackSocket(port)
	if back := unix.Setns(home, unix.CLONE_NEWNET); back != nil {
		if socket != nil {
			_ = socket.Close()
		}
		return nil, fmt.Errorf("leave the network of the container: %w", back)
	}
	runtime.UnlockOSThread()
	return socket, err
}

func openNetwork(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open network %s: %w", path, err)
	}
	return fd, nil
}

func loopbackSocket(port int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("listen on 127.0.0.1:%d of the container: %w", port, err)
	}
	return os.NewFile(uintptr(fd), "door"), nil
}
