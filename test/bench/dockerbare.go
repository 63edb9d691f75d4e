package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"quirl/container/dockercontainer/dockertest"
)

// bareTime bounds how long a bare `docker run` may take.
const bareTime = 20 * time.Second

// bareRun is the time of Docker's own command until the server in it has answered
// the first request.
func (s *dockerServer) bareRun(language string) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		return 0, err
	}
	runtimes, err := filepath.Glob(filepath.Join(s.dir, "runtimes", "*")) // the server's own
	if err != nil || len(runtimes) == 0 {
		return 0, fmt.Errorf("the runtimes were not written: %w", err)
	}
	command := map[string][]string{
		"Node":   {"node", "/quirl/nodejs/server.js", "bare"}, // nobody reads the last word, which tells it from others
		"Python": {"python3", "-I", "-S", "-B", "-X", "utf8", "/quirl/python/server.py", "bare"},
	}[language]
	cmd := exec.Command("docker", append([]string{
		"--host", s.engine.Host, "run", "--rm", "--name", "bare", "--network", "bare",
		"--publish", at + ":8080", "--log-driver", "none", "--env", "TZ=UTC", "--env", "PATH=/usr/bin:/bin",
		"--volume", runtimes[0] + ":/quirl:ro", dockertest.Image,
	}, command...)...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	err = awaitListening(command, began.Add(bareTime))
	if err == nil {
		err = firstByte(at)
	}
	took := time.Since(began)
	_, killed := s.engine.Docker("kill", "bare")
	_ = cmd.Wait() // it was killed
	return took, errors.Join(err, killed)
}

// awaitListening waits until the program listens on port 8080 of its own network. It
// looks and does not call: a call that comes too early makes the kernel ask for the
// container's address again only a second later.
func awaitListening(command []string, until time.Time) error {
	line := strings.Join(command, "\x00") + "\x00"
	pid := ""
	for ; time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		if pid == "" {
			pid = processOf(line)
		}
		if pid != "" && listens(pid) {
			return nil
		}
	}
	return fmt.Errorf("%q does not listen in time", command)
}

// processOf finds the process with a command line.
func processOf(line string) string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	for i := range files {
		file := files[len(files)-1-i]
		text, _ := os.ReadFile(file) // it may have ended
		if string(text) == line {
			return filepath.Base(filepath.Dir(file))
		}
	}
	return ""
}

// listens says that something listens on port 8080 of the network of a process.
func listens(pid string) bool {
	for _, table := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile("/proc/" + pid + "/net/" + table) // it may have ended
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 3 && strings.HasSuffix(f[1], ":1F90") && f[3] == "0A" {
				return true
			}
		}
	}
	return false
}

// firstByte sends a request and waits for the head of the answer.
func firstByte(at string) error {
	c, err := net.DialTimeout("tcp", at, bareTime)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: runtime\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
