package invoker

import (
	"context"

	"quirl/container"
	"quirl/proxy"
)

// Folders keeps the code of actions unpacked.
type Folders interface {
	// Hold returns the folder of the archive that key stands for, made of what fetch
	// returns unless it is there, and a function that lets go of it. With a nil fetch it
	// is an error when it is not there.
	Hold(key string, fetch func() ([]byte, error)) (folder string, release func(), err error)
}

// folderFrom is the size from which an archive is shown as a folder: below, the
// runtime has unpacked it as quickly as the folder is mounted, in bytes.
const folderFrom = 64 << 10

// bringCode puts the action's code into a request: what was compiled of it before; a
// folder of the container if that pays and can be done; or else text.
func (c *cell) bringCode(ctx context.Context, j *job, request *proxy.InitRequest) error {
	a := j.action
	code := a.Exec.Attachment
	if code == nil || c.bringCompiled(ctx, j, request) {
		return nil
	}
	if a.Exec.Binary && code.Decoded && code.Size >= folderFrom && !c.traits.Jars {
		if inside, ok := c.showCode(ctx, code.SHA256); ok {
			request.Folder = inside
			return nil
		}
	}
	data, err := c.inv.Attachments.Attachment(ctx, code.SHA256)
	if err == nil {
		request.Code = code.Text(data)
	}
	return err
}

// showCode shows unpacked code to the container. What goes wrong here need not be
// told to the user: the runtime will say what is wrong with an archive.
func (c *cell) showCode(ctx context.Context, sum string) (inside string, ok bool) {
	if _, can := c.box.(container.Shower); !c.traits.Own || !can || c.inv.Folders == nil {
		return "", false
	}
	folder, release, err := c.inv.Folders.Hold(sum, func() ([]byte, error) { return c.inv.Attachments.Attachment(ctx, sum) })
	if err != nil {
		c.inv.Log.Debug("code is not unpacked", "container", c.box.ID(), "reason", err)
		return "", false
	}
	if inside, ok = c.show(ctx, folder); !ok {
		release()
		return "", false
	}
	c.release = release
	return inside, true
}

// show shows a folder to the container, if it can be shown one.
func (c *cell) show(ctx context.Context, folder string) (inside string, ok bool) {
	shower, can := c.box.(container.Shower)
	if !can {
		return "", false
	}
	inside, err := shower.Show(ctx, folder)
	if err != nil {
		c.inv.Log.Debug("code is not shown as a folder", "container", c.box.ID(), "reason", err)
		return "", false
	}
	return inside, true
}
