package invoker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quirl/container"
	"quirl/invoker/collect"
	"quirl/invoker/pool"
	"quirl/proxy"
	"quirl/whisk"
)

// removeTime bounds how long the removal of a container is waited for.
const removeTime = time.Minute

// warmTime bounds how long a stem cell may take to warm up.
const warmTime = 30 * time.Second

// keptConnections is how many connections to a runtime of ours are kept; one
// alone is used unless activations run beside each other.
const keptConnections = 8

// memoryVariable tells a runtime of ours the memory of its container, in bytes, as not
// every interpreter can find that out.
const memoryVariable = "QUIRL_MEMORY"

// A cell is one container as the invoker sees it: a goroutine that carries out
// the pool's commands one after the other.
type cell struct {
	inv    *Invoker
	create pool.Create

	mu     sync.Mutex
	orders []pool.Command
	more   chan struct{} // a token while there may be orders

	// of the goroutine live alone, once the container is there:
	box       container.Container
	client    *proxy.Client
	output    *collect.Collector
	traits    Traits       // of the runtime
	silent    bool         // an activation that prints nothing needs no sentinels
	unmarked  bool         // there are no sentinels at all
	door      net.Listener // the API inside, nil when the function has no key
	release   func()       // lets go of the code that the container is shown; may be nil
	paused    bool
	initError error // why the container cannot run its action
	running   sync.WaitGroup
	underway  atomic.Int32 // activations that run beside each other
}

func newCell(i *Invoker, c pool.Create) *cell {
	return &cell{inv: i, create: c, more: make(chan struct{}, 1)}
}

// order queues a command. It never blocks.
func (c *cell) order(cmd pool.Command) {
	c.mu.Lock()
	c.orders = append(c.orders, cmd)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *cell) next() (pool.Command, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.orders) == 0 {
		return nil, false
	}
	cmd := c.orders[0]
	c.orders = c.orders[1:]
	return cmd, true
}

// live makes the container and serves it until it is removed.
func (c *cell) live() {
	defer c.inv.work.Done()
	if err := c.start(c.inv.ctx); err != nil {
		users := c.create.Image != "" && (errors.Is(err, container.ErrNoImage) || errors.Is(err, container.ErrNoCommand))
		if users {
			c.inv.Log.Info("image cannot be started", "image", c.create.Image, "reason", err)
		} else {
			c.inv.Log.Error("container cannot be made", "kind", c.create.Kind, "error", err)
		}
		c.inv.mu.Lock()
		delete(c.inv.cells, c.create.Container)
		c.inv.mu.Unlock()
		c.inv.drive(pool.StartFailed{Container: c.create.Container, Err: err})
		return
	}
	c.inv.drive(pool.Started{Container: c.create.Container})
	died := c.box.Done()
	for {
		if cmd, ok := c.next(); ok {
			if c.obey(cmd) {
				return
			}
			continue
		}
		select {
		case <-c.more:
		case <-died:
			died = nil
			c.running.Wait()
			c.inv.drive(pool.Died{Container: c.create.Container})
		}
	}
}

func (c *cell) start(ctx context.Context) error {
	spec, err := c.inv.Runtimes.ContainerSpec(c.create.Kind, c.create.Image)
	if err != nil {
		return err
	}
	c.inv.Runtimes.Await(ctx, c.create.Kind)
	c.traits = c.inv.Runtimes.Traits(c.create.Kind, c.create.Image)
	spec = c.inv.complete(spec, c.name(), c.create.Memory, c.weight())
	if c.traits.Own {
		spec.Env = append(spec.Env, fmt.Sprintf("%s=%d", memoryVariable, spec.Memory))
	}
	box, err := c.inv.Containers.Create(ctx, spec)
	if err != nil {
		return fmt.Errorf("make container for %s: %w", c.create.Kind, err)
	}
	c.box = box
	stdout, stderr := box.Output()
	c.output = collect.New(stdout, stderr, c.inv.Now)
	c.silent = c.traits.Own && c.output.CanEndSilently()
	c.unmarked = !c.traits.Own && !c.inv.Runtimes.Sentinels(c.create.Kind, c.create.Image)
	var options proxy.Options
	if c.traits.Own {
		options.KeepAlive = keptConnections
	}
	c.client = proxy.New(box.Dial, options)
	if c.traits.Own && c.create.For == (pool.Key{}) {
		c.warm(ctx)
	}
	return nil
}

// warm lets a stem cell run through its code once, so that the first activation
// does not pay for it. A cell that cannot is used as it is: what is wrong shows
// at its first activation.
func (c *cell) warm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, warmTime)
	defer cancel()
	if _, err := c.client.Warm(ctx); err != nil {
		c.inv.Log.Warn("stem cell cannot be warmed up", "kind", c.create.Kind, "container", c.box.ID(), "error", err)
	}
}

// name is OpenWhisk's: wsk<invoker>_<n>_<namespace>_<action>, or …_prewarm_<kind>.
func (c *cell) name() string {
	tail := "prewarm_" + c.create.Kind
	if key := c.create.For; key != (pool.Key{}) {
		tail = key.Namespace + "_" + key.Action[strings.LastIndexByte(key.Action, '/')+1:]
	}
	clean := strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, tail)
	return fmt.Sprintf("wsk%d_%d_%.100s", c.inv.ID, c.create.Container, clean)
}

// weight gives CPU time in proportion to memory.
func (c *cell) weight() int {
	return max(2, 1024*c.create.Memory/c.inv.Pool.Memory)
}

// obey carries out a command; true when it was the last one.
func (c *cell) obey(cmd pool.Command) (last bool) {
	switch cmd := cmd.(type) {
	case pool.Run:
		c.run(cmd)
	case pool.Pause:
		c.pause()
	case pool.Remove:
		c.running.Wait()
		c.remove()
		c.inv.drive(pool.Removed{Container: c.create.Container})
		return true
	}
	return false
}

func (c *cell) pause() {
	if err := c.box.Pause(c.inv.ctx); err != nil {
		c.inv.Log.Warn("container cannot be paused", "container", c.box.ID(), "error", err)
		return
	}
	c.paused = true
}

func (c *cell) resume() error {
	if !c.paused {
		return nil
	}
	c.paused = false
	return c.box.Resume(c.inv.ctx)
}

// openDoor lets the function inside reach the API, if it is given a key for that.
func (c *cell) openDoor(a *whisk.Action) {
	inside, can := c.box.(container.Doorway)
	if c.inv.Door == nil || !can || c.door != nil || !givesKey(a) {
		return
	}
	door, err := inside.Listen(c.inv.DoorPort)
	if err != nil { // the function may never ask for it
		c.inv.Log.Warn("the API cannot be reached from a container", "container", c.box.ID(), "error", err)
		return
	}
	c.door = door
	c.inv.Door(door)
}

// remove gives everything back and reads the output to its end.
func (c *cell) remove() {
	if err := c.client.Close(); err != nil {
		c.inv.Log.Debug("connection cannot be closed", "container", c.box.ID(), "error", err)
	}
	if c.door != nil {
		c.door.Close()
	}
	c.end()
	if c.release != nil {
		c.release()
	}
	c.output.Wait()
}
