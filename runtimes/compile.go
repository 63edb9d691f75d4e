package runtimes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// compileTimeout bounds the work of one interpreter.
const compileTimeout = 5 * time.Minute

// Compile lets the interpreters on offer compile the runtimes' files in the folder
// that Extract returned, for containers that start from then on: they start without,
// but later. It is done once for each program. The errors are those of all programs
// that could not. Those of images are not on this machine, and have nothing to do.
func (o *Offer) Compile(ctx context.Context, files string) error {
	var errs []error
	for _, kind := range o.Manifest.Kinds() {
		r, err := o.Manifest.Resolve(kind)
		if err != nil || r.Local == nil || len(r.Local.Host.Compile) == 0 {
			continue
		}
		if err := o.once(ctx, r, r.Local.Host.Compile, files); err != nil {
			errs = append(errs, fmt.Errorf("compile the runtime of %s: %w", r.Kind, err))
		}
	}
	return errors.Join(errs...)
}

// Prepare takes a step of what is worth doing when a kind is going to be used, and says
// whether there are more. Containers had better wait for the first one, step 0. Each is
// done once for each program, in the folder that Extract returned.
func (o *Offer) Prepare(ctx context.Context, kind, files string, step int) (more bool, err error) {
	r, err := o.Manifest.Resolve(kind)
	if err != nil || r.Local == nil || step >= len(r.Local.Host.Prepare) {
		return false, err
	}
	if err := o.once(ctx, r, r.Local.Host.Prepare[step], files); err != nil {
		return false, fmt.Errorf("prepare for %s: %w", kind, err)
	}
	return step+1 < len(r.Local.Host.Prepare), nil
}

// Prepares says that there is something to prepare for a kind.
func (o *Offer) Prepares(kind string) bool {
	r, err := o.Manifest.Resolve(kind)
	if err != nil || r.Local == nil {
		return false
	}
	_, found := o.interpreters[r.Kind]
	return found && len(r.Local.Host.Prepare) > 0
}

// once runs a command for the program of a kind, unless that was done before.
func (o *Offer) once(ctx context.Context, r *Runtime, command []string, files string) error {
	interpreter, found := o.interpreters[r.Kind]
	if !found {
		return nil
	}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{interpreter.Path, interpreter.Version}, command...), "\x00")))
	done := filepath.Join(files, "compiled-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, compileTimeout)
	defer cancel()
	command = fillProgram(expand(command, filepath.Join(files, r.Local.Runtime)), interpreter.Path)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = environment("")
	// Its children end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// It writes into the data folder, where the next process may be at work.
	defer endWithUs(cmd.SysProcAttr)()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %.200s", err, out)
	}
	return os.WriteFile(done, nil, 0o644)
}
