// Package container makes the isolated processes in which functions run.
//
// A Factory promises that a container is cut off from the host and from every
// other container as far as its technology can do that, that it never outlives
// its factory's clean-up, and that its output can be read to the last byte.
// What every implementation must do is written twice: in the comments here,
// for people, and in package containertest, for machines.
//
// Package container knows nothing of actions: it starts the process of a
// runtime (see package runtimes) and connects callers to the HTTP server that
// this process offers. What is said over that connection is package proxy's.
package container

import (
	"context"
	"errors"
	"io"
	"net"
)

// ListenFD is the file descriptor on which a process started by a factory
// that passes sockets (see Spec.Command) finds its listening socket.
const ListenFD = 3

// Port is the TCP port on which an image's runtime listens when it was not
// given a socket (OpenWhisk's runtime contract, section 1).
const Port = 8080

// CodeFolder is where containers that can be shown a folder see it.
const CodeFolder = "/quirl/code"

var (
	// ErrNoImage says that the image of a Spec cannot be had.
	ErrNoImage = errors.New("container image is not available")
	// ErrNoCommand says that the container's program does not exist in its file system.
	ErrNoCommand = errors.New("executable file not found in image")
	// ErrClosed says that the factory was closed.
	ErrClosed = errors.New("container factory closed")
	// ErrGone says that the container was removed, or that its process has ended.
	ErrGone = errors.New("container is gone")
)

// A Factory makes containers of one technology.
// Its methods may be called from many goroutines at once.
type Factory interface {
	// Create starts a container for spec. It returns as soon as the process was
	// started: the runtime inside may still be booting, and Dial copes with that.
	// When Create fails nothing is left behind. ErrNoImage and ErrNoCommand are
	// the user's errors, everything else is ours.
	Create(ctx context.Context, spec Spec) (Container, error)

	// Cleanup removes every container that a predecessor with the same
	// configuration left on this machine, e.g. after kill -9. It is called once,
	// before the first Create.
	Cleanup(ctx context.Context) error

	// Close removes all containers of this factory and releases what it holds.
	// Blocked calls return ErrClosed.
	Close() error
}

// A Preparer is a Factory that can do part of the work ahead: it keeps *shells*,
// isolation made in advance whose program has not been started yet.
type Preparer interface {
	// Prepare keeps n shells ready for containers like spec; Name, Memory and
	// CPUShares may differ in the later Create. Shells are made in the background
	// and made again when they were used. n = 0 drops them.
	Prepare(spec Spec, n int)
}

// A Spec says what to start.
type Spec struct {
	// Name is unique among the living containers of a machine, made of letters,
	// digits and '_' (OpenWhisk: wsk<invoker>_<n>_<namespace>_<action>).
	Name string

	// Kind is the runtime's kind, e.g. "nodejs:20". Two specs of one kind differ
	// in nothing but Name, Memory and CPUShares.
	Kind string

	// Image is an OCI image reference, or empty for the host's own file system
	// (the factory shows the container a read-only part of it).
	Image string

	// Pull says whether Image is fetched before it is used.
	Pull Pull

	// Command is the program, an absolute path inside the container, and its
	// arguments. Factories that can do so pass a listening stream socket as file
	// descriptor ListenFD and set QUIRL_LISTEN_FD=3; the program then serves HTTP
	// there, else on TCP port Port. With an Image, a first word that is no path is
	// looked for in the PATH of Env, and no Command at all means what the image
	// itself starts; as such a program may want to write anywhere, its root is then
	// not read-only.
	Command []string

	// Env is the whole environment, as KEY=VALUE. Nothing is inherited.
	Env []string

	// Mounts are shown read-only inside the container.
	Mounts []Mount

	// Memory is the limit in bytes; there is no swap beyond it.
	Memory int64

	// CPUShares is the relative weight under contention (1024 = one full share);
	// 0 leaves the factory's default.
	CPUShares int

	// Pids bounds processes and threads; 0 is the factory's default (1024).
	Pids int
}

// Pull is the rule by which an image is fetched. An image that cannot be had
// gives ErrNoImage.
type Pull int

const (
	// PullMissing fetches an image that is not there, once.
	PullMissing Pull = iota
	// PullAlways fetches the image for every container: its tag moves.
	PullAlways
	// PullIfPossible tries to, and otherwise uses the image that is there.
	PullIfPossible
	// PullNever uses what is there.
	PullNever
)

// A Mount shows the host's Source, a file or folder, at Target, always read-only.
type Mount struct {
	Source, Target string
}

// A Container is one started container. Its methods may be called from many
// goroutines at once; Pause and Resume are called in turns.
type Container interface {
	// ID names the container for logs and operators.
	ID() string

	// Dial connects to the runtime's HTTP server. While the runtime boots Dial
	// either waits or hands out a connection that is answered once it has booted.
	// It returns ErrGone when the process has ended.
	Dial(ctx context.Context) (net.Conn, error)

	// Output returns the process's standard output and standard error. Both end
	// with io.EOF when the container is gone. One reader each; a reader that does
	// not read stops the process when it prints, so read on until the end.
	Output() (stdout, stderr io.Reader)

	// Pause stops every process of the container; it uses no CPU time until Resume.
	Pause(ctx context.Context) error

	// Resume continues a paused container.
	Resume(ctx context.Context) error

	// Done is closed when the container's first process has ended, for whatever reason.
	Done() <-chan struct{}

	// Exit tells how the process ended; only meaningful after Done is closed.
	Exit() Exit

	// Remove kills what still runs, paused or not, and gives everything back.
	// Removing twice is not an error. Output readers see io.EOF afterwards.
	Remove(ctx context.Context) error
}

// A Drainer is an output (see Container.Output) that knows how far its reader is.
type Drainer interface {
	// Drained says that all that was written until now was handed out by Read, and
	// that the reader has called Read again, so that it is through with it.
	Drained() bool

	// Idle returns a channel that is closed when the reader has next found nothing
	// more to read. Who waits for Drained asks for it before.
	Idle() <-chan struct{}
}

// A Doorway is a Container in which its host can listen: the one way from inside
// to the host, as narrow as the host makes it.
type Doorway interface {
	// Listen listens on 127.0.0.1:port of the container's own network. The listener
	// is the caller's to close, after which nothing of it is left. The error says
	// why it cannot be, e.g. because the port is taken inside.
	Listen(port int) (net.Listener, error)
}

// A Shower is a Container that can be shown a folder of its host while it runs.
type Shower interface {
	// Show shows folder, an absolute path, to the container and returns where it is
	// inside. It looks as it is on the host; what the container writes there is seen
	// by itself alone and counts as its memory. Show is called at most once, and the
	// folder stays until the container is removed. An error leaves the container as
	// it was.
	Show(ctx context.Context, folder string) (inside string, err error)
}

// Exit is how a container's first process ended.
type Exit struct {
	// Code is the exit status; 128+n when signal n ended it.
	Code int
	// OutOfMemory says that the kernel killed a process of the container
	// because the memory limit was reached.
	OutOfMemory bool
}
