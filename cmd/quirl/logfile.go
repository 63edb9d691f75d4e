package main

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"quirl/admin"
)

// lookForFile is how often a log looks whether its file was moved away.
const lookForFile = time.Second

// A logFile is the log of a component in a file that may be moved away while it is written, as
// rotation does: then a new one is begun.
type logFile struct {
	path string

	mu     sync.Mutex
	file   *os.File
	looked time.Time
}

// openLog returns where the log of a component goes: to a file below folder, or where there is none
// to the process's own output.
func openLog(folder, component string, output io.Writer) (io.Writer, error) {
	if folder == "" {
		return output, nil
	}
	l := &logFile{path: admin.LogFile(folder, component)}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return nil, err
	}
	return l, l.open()
}

func (l *logFile) open() (err error) {
	l.looked = time.Now()
	l.file, err = os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	return err
}

// Write writes a line.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.looked) > lookForFile {
		if err := l.look(); err != nil {
			return 0, err
		}
	}
	return l.file.Write(p)
}

// look begins a new file when the other one was moved away.
func (l *logFile) look() error {
	l.looked = time.Now()
	there, err := os.Stat(l.path)
	mine, err2 := l.file.Stat()
	if err == nil && err2 == nil && os.SameFile(there, mine) {
		return nil
	}
	old := l.file
	if err := l.open(); err != nil {
		l.file = old // rather there than nowhere
		return nil
	}
	return old.Close()
}
