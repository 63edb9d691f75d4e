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
	"time"
)

// compileTimeout bounds the work of one interpreter.
const compileTimeout = 30 * time.Second

// Compile lets the interpreters on offer compile the runtimes' files in the folder
// that Extract returned, for containers that start from then on: they start without,
// but later. It is done once for each program. The errors are those of all programs
// that could not. Those of images are not on this machine, and have nothing to do.
func (o *Offer) Compile(ctx context.Context, files string) error {
	if o.images {
		return nil
	}
	var errs []error
	for _, kind := range o.Manifest.Kinds() {
		r, err := o.Manifest.Resolve(kind)
		if err != nil || r.Local == nil || len(r.Local.Host.Compile) == 0 {
			continue
		}
		if err := compile(ctx, r.Local, o.interpreters[r.Kind], files); err != nil {
			errs = append(errs, fmt.Errorf("compile the runtime of %s: %w", r.Kind, err))
		}
	}
	return errors.Join(errs...)
}

func compile(ctx context.Context, local *Local, interpreter Interpreter, files string) error {
	sum := sha256.Sum256([]byte(interpreter.Path + "\x00" + interpreter.Version))
	done := filepath.Join(files, "compiled-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, compileTimeout)
	defer cancel()
	command := expand(local.Host.Compile, filepath.Join(files, local.Runtime))
	for i, part := range command {
		command[i] = strings.ReplaceAll(part, "{program}", interpreter.Path)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = environment("")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %.200s", err, out)
	}
	return os.WriteFile(done, nil, 0o644)
}
