// Package loop is the server half of the /init and /run protocol for languages that
// have no good server of their own: OpenWhisk's ActionLoop protocol (runtime contract,
// section 6). HTTP is outside; inside, a program gets each activation as one line on
// its standard input and answers with one line on file descriptor 3.
//
// It promises that nothing an activation printed, in its own process or in one that it
// started, comes later than its sentinels as far as it was printed before the answer;
// that a program that ends is told from one that fails; and that code from an archive
// never leaves its folder. It knows languages by a Config alone, and uses only the
// standard library, as it runs inside of containers.
//
// Read action.go for what the requests mean, code.go for how code becomes a program,
// child.go for the program, output.go for what it prints, and server.go for HTTP.
package loop

import (
	"errors"
	"os"
)

// A Config says how a language works.
type Config struct {
	// Compiler is the command that makes a program of what was uploaded; to it are
	// added the entry point, the folder of the sources and that of the result, which
	// holds the executable exec afterwards. Any output of it is an error. Nil means
	// that there is nothing to compile.
	Compiler []string
	// Launcher is the command that runs code that is no program itself; {main} and
	// {folder} in it stand for the entry point and the folder. Nil means that the code
	// has to be a program, which is the file exec.
	Launcher []string
	// Jar is the file name as which a jar is kept as it is; empty means that jars are
	// unpacked like other archives.
	Jar string
	// Acknowledge says that the program first writes {"ok":true}.
	Acknowledge bool
	// Each says that the program is started for each activation, with its arguments as
	// argument, and that the last line that it prints is its result, as in OpenWhisk's
	// skeleton for Docker (runtime contract, section 7).
	Each bool
	// Stub is the program of an action without code; empty means that there is none.
	Stub string
	// Version is what the file exec.env of uploaded programs has to say; empty means
	// that it is not looked at.
	Version string

	// Dir is the folder below which code is put.
	Dir string
	// Env is the environment of all programs, to which that of /init is added.
	Env []string
	// Stdout and Stderr are the container's output.
	Stdout, Stderr *os.File
}

// sentinel ends the output of an activation on both streams.
const sentinel = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"

var (
	// errExited says that a program ended without an answer.
	errExited = errors.New("command exited")
	// ErrKilled says that the kernel ended a program, as it does when the container's
	// memory is exhausted.
	ErrKilled = errors.New("command was killed")
)

// A program is what runs an action's activations, one after the other.
type program interface {
	// call returns the answer to a /run message that is one line of JSON. The error is
	// errExited or ErrKilled when the program ended without one.
	call(message []byte) ([]byte, error)
	// kill ends it, also while it is called.
	kill()
}
