package loop

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"quirl/internal/archive"
)

// programFile is the file that is run.
const programFile = "exec"

// errVersion says that a program was made for another environment.
var errVersion = errors.New("execution environment version mismatch")

// An upload is the code of an action as /init brings it.
type upload struct {
	main   string
	code   []byte
	binary bool   // code is an archive or a program, not a text
	folder string // in place of code: unpacked already
	env    []string
}

// A built upload is ready to run.
type built struct {
	folder   string
	compiled bool
	program  bool // its file exec is to be run, not the launcher
}

// place puts the code into a folder and returns it.
func (u *upload) place(c *Config) (string, error) {
	if u.folder != "" {
		return u.folder, nil
	}
	folder, err := os.MkdirTemp(c.Dir, "action-")
	if err != nil {
		return "", err
	}
	data := u.code
	u.code = nil // it may be large
	if !u.binary {
		return folder, os.WriteFile(filepath.Join(folder, programFile), data, 0o666)
	}
	if c.Jar != "" && isJar(data) {
		return folder, os.WriteFile(filepath.Join(folder, c.Jar), data, 0o666)
	}
	err = archive.Unpack(data, folder, archive.DefaultLimits)
	if errors.Is(err, archive.ErrFormat) { // one file alone
		return folder, os.WriteFile(filepath.Join(folder, programFile), data, 0o777)
	}
	if err != nil {
		return "", fmt.Errorf("there was an error uncompressing the action archive: %w", err)
	}
	return folder, nil
}

func isJar(data []byte) bool {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return false
	}
	f, err := r.Open("META-INF/MANIFEST.MF")
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// build makes the upload ready to run.
func (u *upload) build(c *Config) (built, error) {
	folder, err := u.place(c)
	if err != nil {
		return built{}, err
	}
	exec := filepath.Join(folder, programFile)
	isText := u.folder == "" && !u.binary
	switch {
	case c.Compiler == nil && c.Launcher == nil:
		return built{folder: folder, program: true}, makeExecutable(exec)
	case !isText && isProgram(exec):
		if err := u.checkVersion(c, folder); err != nil {
			return built{}, err
		}
		return built{folder: folder, program: true}, makeExecutable(exec)
	case c.Compiler == nil:
		return built{folder: folder}, nil
	}
	folder, err = u.compile(c, folder)
	return built{folder: folder, compiled: true, program: true}, err
}

// isProgram says that a file is one that the system can run.
func isProgram(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	magic := make([]byte, 4)
	n, _ := io.ReadFull(f, magic)
	return bytes.HasPrefix(magic[:n], []byte("\x7fELF")) || bytes.HasPrefix(magic[:n], []byte("#!"))
}

// makeExecutable is for archives from systems without such a bit.
func makeExecutable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("there is no executable file %s in the code: %w", programFile, err)
	}
	if info.Mode()&0o111 != 0 {
		return nil
	}
	return os.Chmod(path, 0o755)
}

func (u *upload) checkVersion(c *Config, folder string) error {
	if c.Version == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(folder, "exec.env"))
	if err != nil || strings.TrimSpace(string(text)) != c.Version {
		return fmt.Errorf("%w: expected %q, found %q", errVersion, c.Version, strings.TrimSpace(string(text)))
	}
	return nil
}

func (u *upload) compile(c *Config, source string) (string, error) {
	result, err := os.MkdirTemp(c.Dir, "action-")
	if err != nil {
		return "", err
	}
	args := append(append([]string{}, c.Compiler[1:]...), u.main, source, result)
	cmd := exec.Command(c.Compiler[0], args...)
	cmd.Dir, cmd.Env = source, u.env
	text, err := cmd.CombinedOutput()
	if len(text) > 0 {
		return "", errors.New(string(bytes.TrimRight(text, "\n")))
	}
	if err != nil {
		return "", fmt.Errorf("compiler: %w", err)
	}
	if !isProgram(filepath.Join(result, programFile)) {
		return "", errors.New("the compiler made no program")
	}
	return result, nil
}
