// Package invoker takes activations off the bus, has them run in containers and
// reports what came of them.
//
// It promises that a function is started at most once for an activation, that
// every activation it took ends in one record and one acknowledgement that frees
// its slot, that an answer never waits for logs or records, and that its memory
// use is bounded: when the pool's queue is full it stops receiving.
//
// What runs where is decided by package pool; this package is its shell. Read
// invoker.go (work comes in, decisions go out), then cell.go (one container's
// life), run.go (one activation's) and record.go (what is written down).
package invoker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"quirl/bus"
	"quirl/bus/message"
	"quirl/container"
	"quirl/invoker/collect"
	"quirl/invoker/pool"
	"quirl/logstore"
	"quirl/result"
	"quirl/store"
	"quirl/whisk"
)

// Config are an Invoker's parts.
type Config struct {
	ID          int // this invoker's number
	Bus         bus.Bus
	Entities    store.Entities
	Attachments store.Attachments
	Folders     Folders // nil posts all code
	Journal     store.Journal
	// Apart says that the controllers are other processes, which leave to this one what it had taken.
	Apart      bool
	Containers container.Factory
	Runtimes   Runtimes
	Recorder   *result.Recorder
	Logs       logstore.Store
	Pool       pool.Config
	// Shells are the kinds for which isolation is made ahead.
	Shells []string
	Limits whisk.SystemLimits
	// Storing says which records are kept.
	Storing whisk.StoreLevels
	// APIHost is the URL of the API as functions are told it.
	APIHost string
	// Door, unless nil, serves the API to functions that are given a key and that
	// cannot reach it otherwise: it gets a listener on DoorPort inside of their
	// container, and serves it until it is closed.
	Door     func(net.Listener)
	DoorPort int
	Log      *slog.Logger
	Now      func() time.Time
}

// Runtimes knows how to start the containers of each kind.
type Runtimes interface {
	// ContainerSpec returns what to start for a kind; image is that of a blackbox
	// action. Name, memory and CPU shares are the caller's to fill in. It fails
	// for kinds that cannot run here.
	ContainerSpec(kind, image string) (container.Spec, error)
	// Await returns when a kind's containers had better start: what is worth making ready
	// for it once, which may take seconds, is ready then. It ends with ctx at the latest.
	Await(ctx context.Context, kind string)
	// Traits tells what a kind's containers can do beyond the runtime contract; image is
	// that of a blackbox action.
	Traits(kind, image string) Traits
	// Sentinels says that a kind's containers, for a blackbox those of image, end
	// each activation's output with a sentinel on both streams. Own runtimes do.
	Sentinels(kind, image string) bool
	// Concurrent says that a kind's containers can run several activations at once.
	Concurrent(kind string) bool
}

// Traits are the additions of a runtime of ours to the runtime contract. A foreign
// runtime has none.
type Traits struct {
	// Own says that it likes to be kept connected to, warms up, does without
	// sentinels, and takes code as a folder.
	Own bool
	// Compiler stands for all that the result of compiling an action depends on, beside
	// the action; empty where nothing is compiled.
	Compiler string
	// Jars says that archives may have to stay archives.
	Jars bool
}

// An Invoker runs activations. Make one with New and let it Run.
type Invoker struct {
	Config

	mu    sync.Mutex
	pool  *pool.Pool
	cells map[int]*cell
	jobs  map[string]*job // by activation id, until they end
	timer *time.Timer
	wake  time.Time // when timer fires, zero when it does not

	work sync.WaitGroup // cells at work
	room chan struct{}  // a token per job that has come in
	ctx  context.Context
}

// A job is an activation from its arrival to its end.
type job struct {
	msg     *message.Activation
	action  *whisk.Action
	kind    string
	arrived time.Time
	slots   int  // activations at once in its container
	taken   bool // marked in the journal
	// blameless says that the internal error in which it ends is not this invoker's.
	blameless bool
	retried   bool // came back once from a container in which it did not start

	begun   chan struct{}    // closed when the activation has a container, or will never have one
	segment *collect.Segment // its output there; guarded by the invoker's mu
}

// New returns an Invoker.
func New(cfg Config) *Invoker {
	return &Invoker{
		Config: cfg,
		pool:   pool.New(cfg.Pool),
		cells:  make(map[int]*cell),
		jobs:   make(map[string]*job),
		room:   make(chan struct{}, cfg.Pool.Queue),
	}
}

// Run works until ctx ends. Then it takes nothing more, lets running
// activations end, and removes all containers.
func (i *Invoker) Run(ctx context.Context) error {
	// Containers and running activations outlive the order to stop.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	i.mu.Lock()
	i.ctx = work
	i.timer = time.AfterFunc(time.Hour, i.tick)
	i.mu.Unlock()
	if i.Apart {
		if err := i.inherit(); err != nil {
			return err
		}
	}
	i.prepareShells()
	i.drive(pool.Tick{})
	err := i.receive(ctx)
	i.drive(pool.Drain{})
	i.work.Wait()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.timer.Stop()
	return err
}

// prepareShells has the factory make ready what the next containers will need.
func (i *Invoker) prepareShells() {
	preparer, ok := i.Containers.(container.Preparer)
	if !ok {
		return
	}
	for _, kind := range i.Shells {
		spec, err := i.Runtimes.ContainerSpec(kind, "")
		if err != nil {
			i.Log.Error("no shells can be prepared", "kind", kind, "error", err)
			continue
		}
		preparer.Prepare(i.complete(spec, "shell", i.Limits.Memory.Default, 0), 1)
	}
}

func (i *Invoker) receive(ctx context.Context) error {
	topic := message.InvokerTopic(i.ID)
	for {
		select {
		case i.room <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		delivery, err := i.Bus.Receive(ctx, topic, topic)
		if err != nil {
			<-i.room
			if ctx.Err() != nil || errors.Is(err, bus.ErrClosed) {
				return nil
			}
			return fmt.Errorf("receive work: %w", err)
		}
		// From here on the work is this invoker's alone, so that no function runs twice when it is killed:
		// the journal has what must not be lost.
		delivery.Ack()
		m, err := message.AsActivation(delivery.Message())
		if err != nil {
			i.Log.Error("activation message cannot be read", "error", err)
			<-i.room
			continue
		}
		i.accept(m)
	}
}

// accept finds the action of an activation and hands it to the pool.
func (i *Invoker) accept(m *message.Activation) {
	j := &job{msg: m, kind: "unknown", arrived: i.Now(), begun: make(chan struct{})}
	action, err := store.Get[*whisk.Action](i.ctx, i.Entities, m.Action.ID())
	if err == nil && action.Revision != m.Revision && m.Revision != "" {
		i.Log.Debug("action was updated after the call", "action", m.Action.ID(), "activation", m.ID)
	}
	if err != nil {
		text := "Action could not be fetched."
		if whisk.KindOf(err) == whisk.NotFound {
			text = "Action could not be found or may have been deleted."
			j.blameless = true
		}
		i.fail(j, whisk.ErrorResponse(whisk.InternalError, text))
		return
	}
	j.action, j.kind = action, action.Exec.Kind
	bounds := m.User.Effective(&i.Limits)
	if err := action.Limits.Within(&bounds); err != nil { // they may have become tighter since the action was stored
		i.fail(j, whisk.ErrorResponse(whisk.ApplicationError, err.Error()))
		return
	}
	j.slots = 1
	if i.Runtimes.Concurrent(j.kind) {
		j.slots = max(1, action.Limits.Concurrency)
	}
	if !i.enter(j) {
		i.Log.Warn("activation was delivered while it is here", "activation", m.ID)
		<-i.room
		return
	}
	i.drive(pool.Arrived{Job: pool.Job{
		ID:          string(m.ID),
		Key:         pool.Key{Namespace: m.User.Namespace, Action: action.FullName().ID(), Revision: action.Revision},
		Kind:        action.Exec.Kind,
		Image:       action.Exec.Image,
		Memory:      action.Limits.Memory,
		Concurrency: j.slots,
	}})
}

// enter notes a job; false when its activation is here already, for a bus may
// deliver a message again.
func (i *Invoker) enter(j *job) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	id := string(j.msg.ID)
	if i.jobs[id] != nil {
		return false
	}
	i.jobs[id] = j
	return true
}

// drive tells the pool what happened and sees to it that its commands are carried out.
func (i *Invoker) drive(e pool.Event) {
	i.mu.Lock()
	var rest []func()
	now := i.Now()
	for _, c := range i.pool.Step(e, now) {
		if do := i.order(c); do != nil {
			rest = append(rest, do)
		}
	}
	i.setTimer(now)
	i.mu.Unlock()
	for _, do := range rest {
		do()
	}
}

// order gives the commands for a container to its cell, in their order, and
// returns what else is to be done once i.mu is free, which is held now.
func (i *Invoker) order(c pool.Command) func() {
	switch c := c.(type) {
	case pool.Create:
		i.work.Add(1)
		cell := newCell(i, c)
		i.cells[c.Container] = cell
		go cell.live()
	case pool.Run:
		i.cells[c.Container].order(c)
	case pool.Pause:
		i.cells[c.Container].order(c)
	case pool.Remove:
		i.cells[c.Container].order(c)
		delete(i.cells, c.Container)
	case pool.Fail:
		j := i.jobs[c.Job.ID]
		return func() { i.fail(j, provisioningFailed(j, c.Err)) }
	case pool.Refuse:
		j := i.jobs[c.Job.ID]
		return func() {
			i.fail(j, whisk.ErrorResponse(whisk.InternalError, "Too many activations are waiting for a container."))
		}
	case pool.HandBack:
		j := i.jobs[c.Job.ID]
		return func() { i.handBack(j) }
	}
	return nil
}

// handBack leaves an activation to whoever comes next. Controllers that are other processes send it
// to another invoker. In one process what stands in the journal untaken is sent again after the next
// start, and a caller who waits is told.
func (i *Invoker) handBack(j *job) {
	if i.Apart && !j.taken {
		i.end(j)
		i.acknowledge(j.msg, &message.Ack{ID: j.msg.ID, TID: j.msg.TID, HandedBack: true, Done: true, Invoker: i.ID})
		return
	}
	if j.msg.Journaled && !j.taken {
		i.end(j)
		i.report(j, nil, true)
		return
	}
	i.fail(j, whisk.ErrorResponse(whisk.InternalError, "The platform is stopping."))
}

// provisioningFailed is the outcome when no container could be made.
func provisioningFailed(j *job, err error) whisk.Response {
	switch {
	case j.action.Exec.Image == "": // what the operator chose is not the user's fault
	case errors.Is(err, container.ErrNoImage):
		return whisk.ErrorResponse(whisk.DeveloperError, fmt.Sprintf("Failed to pull container image '%s'.", j.action.Exec.Image))
	case errors.Is(err, container.ErrNoCommand):
		return whisk.ErrorResponse(whisk.DeveloperError, "executable file not found in image "+j.action.Exec.Image)
	}
	return whisk.ErrorResponse(whisk.InternalError, "Failed to provision resources to run the action.")
}

// fail ends an activation that never got to a container.
func (i *Invoker) fail(j *job, response whisk.Response) {
	now := i.Now()
	record := i.record(j, outcome{start: now, end: now, response: response})
	i.finish(j, record)
	i.report(j, record, true)
}

// end forgets a job and makes room for another one.
func (i *Invoker) end(j *job) {
	i.mu.Lock()
	delete(i.jobs, string(j.msg.ID))
	if j.segment == nil {
		close(j.begun) // it never will
	}
	i.mu.Unlock()
	<-i.room
}

// setTimer has the pool told the time when it next wants to know. i.mu is held.
func (i *Invoker) setTimer(now time.Time) {
	next := i.pool.Next()
	if next.IsZero() || next.Equal(i.wake) {
		return
	}
	i.wake = next
	i.timer.Reset(max(next.Sub(now), time.Millisecond))
}

func (i *Invoker) tick() {
	i.mu.Lock()
	i.wake = time.Time{}
	i.mu.Unlock()
	i.drive(pool.Tick{})
}

// Stats returns what the pool holds.
func (i *Invoker) Stats() pool.Stats {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.pool.Stats()
}

// View returns a picture of the pool.
func (i *Invoker) View() pool.View {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.pool.View(i.Now())
}

// complete fills in what a spec does not know of the kind alone.
func (i *Invoker) complete(spec container.Spec, name string, memory, shares int) container.Spec {
	spec.Name = name
	spec.Memory = int64(memory) * whisk.MB
	spec.CPUShares = shares
	spec.Env = append(spec.Env[:len(spec.Env):len(spec.Env)], "__OW_API_HOST="+i.APIHost)
	return spec
}

// raw is shorthand for JSON that is passed on as it is.
type raw = json.RawMessage
