package invoker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"quirl/internal/archive"
	"quirl/proxy"
)

// mostCompiled bounds what is kept of one action, in bytes.
const mostCompiled = 128 << 20

// compiledTime bounds how long the result of compiling is waited for.
const compiledTime = 10 * time.Second

// compiledKey stands for what the container compiles of an action's code; empty when it
// compiles nothing. What one namespace compiled is never given to another one.
func (c *cell) compiledKey(j *job) string {
	a := j.action
	if c.traits.Compiler == "" || c.inv.Folders == nil || a.Exec.Attachment == nil {
		return ""
	}
	parts := []string{string(a.Namespace), a.Exec.Attachment.SHA256, strconv.FormatBool(a.Exec.Binary), a.Exec.Main, c.create.Kind, c.traits.Compiler}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// bringCompiled puts what was compiled of the code before into a request, if it is there.
func (c *cell) bringCompiled(ctx context.Context, j *job, request *proxy.InitRequest) bool {
	key := c.compiledKey(j)
	if key == "" {
		return false
	}
	folder, release, err := c.inv.Folders.Hold(key, nil)
	if err != nil {
		return false // nothing was compiled yet, as a rule
	}
	if inside, ok := c.show(ctx, folder); ok {
		c.release, request.Folder = release, inside
		return true
	}
	defer release()
	var zip bytes.Buffer
	if err := archive.Pack(&zip, folder); err != nil {
		c.inv.Log.Warn("compiled code cannot be read", "action", j.action.FullName().ID(), "error", err)
		return false
	}
	request.Code, request.Binary = base64.StdEncoding.EncodeToString(zip.Bytes()), true
	return true
}

// keepCompiled fetches what the container has compiled, for later ones. Without it they
// compile again.
func (c *cell) keepCompiled(ctx context.Context, j *job) {
	key := c.compiledKey(j)
	if key == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, compiledTime)
	defer cancel()
	_, release, err := c.inv.Folders.Hold(key, func() ([]byte, error) { return c.client.Compiled(ctx, mostCompiled) })
	if err != nil {
		c.inv.Log.Info("compiled code is not kept", "action", j.action.FullName().ID(), "reason", err)
		return
	}
	release()
}
