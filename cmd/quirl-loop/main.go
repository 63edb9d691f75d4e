// Quirl-loop is the server inside of containers for languages that have none of their
// own; see package quirl/runtimes/loop.
//
//	quirl-loop [flags] [-- launcher ...]
//
// How the language works is told by flags. The socket is inherited as file descriptor
// QUIRL_LISTEN_FD, or else TCP port 8080 on all interfaces. SIGTERM ends the process
// with status 0.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"quirl/runtimes/loop"
)

// listenVariable names the variable with the descriptor of the socket.
const listenVariable = "QUIRL_LISTEN_FD"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "quirl-loop:", err)
		os.Exit(1)
	}
}

func run() error {
	config := loop.Config{Stdout: os.Stdout, Stderr: os.Stderr, Version: os.Getenv("OW_EXECUTION_ENV")}
	flag.Func("compiler", "a `word` of the command that compiles; MAIN SOURCES RESULT are added to it", func(word string) error {
		config.Compiler = append(config.Compiler, word)
		return nil
	})
	flag.StringVar(&config.Jar, "jar", "", "the file `name` of a jar; others are unpacked")
	flag.BoolVar(&config.Acknowledge, "ack", false, `the program writes {"ok":true} first`)
	flag.BoolVar(&config.Each, "each", false, "start the program for each activation; its last line is the result")
	flag.StringVar(&config.Stub, "stub", "", "the `program` of an action without code")
	offline := flag.String("compile", "", "compile standard input for this `entry point`, write a zip file to standard output")
	flag.Parse()
	if flag.NArg() > 0 {
		config.Launcher = flag.Args()
	}
	var err error
	if config.Dir, err = workFolder(); err != nil {
		return err
	}
	if *offline != "" {
		config.Env = os.Environ()
		return loop.Compile(config, *offline, os.Stdin, os.Stdout)
	}
	listener, err := listen()
	if err != nil {
		return err
	}
	config.Env = os.Environ() // without what was for us
	return serve(config, listener)
}

// workFolder is where code is put: the working directory if the platform gave us one.
func workFolder() (string, error) {
	dir, err := os.Getwd()
	if err == nil && dir == "/" {
		dir = os.TempDir()
	}
	return dir, err
}

func serve(config loop.Config, listener net.Listener) error {
	action, err := loop.New(config)
	if err != nil {
		return err
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		_ = listener.Close() // which makes Serve return
	}()
	return action.Serve(listener)
}

func listen() (net.Listener, error) {
	inherited := os.Getenv(listenVariable)
	if inherited == "" {
		return net.Listen("tcp", ":8080")
	}
	if err := os.Unsetenv(listenVariable); err != nil {
		return nil, err
	}
	fd, err := strconv.Atoi(inherited)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", listenVariable, err)
	}
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "listener")
	defer func() { _ = file.Close() }() // FileListener has its own
	return net.FileListener(file)
}
