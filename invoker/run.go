package invoker

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"quirl/bus/message"
	"quirl/container"
	"quirl/invoker/collect"
	"quirl/invoker/pool"
	"quirl/proxy"
	"quirl/whisk"
)

// oomTime is how long the kernel's word on memory is waited for after a
// container ended in the middle of an activation.
const oomTime = 2 * time.Second

// An outcome is what came of an activation in a container.
type outcome struct {
	placed    time.Time // when the pool had chosen the container
	ready     time.Time // when the container was ready for /init or /run
	start     time.Time // of /init, or of /run in a warm container
	initiated time.Duration
	cold      bool // there was an /init
	origin    pool.Start
	reason    pool.Reason
	end       time.Time
	response  whisk.Response
	timeout   bool
	broken    bool // the container is not to be used again
	silent    bool // no sentinels will end the output, and other processes print on
}

// run runs a job in the container and tells the pool when its slot is free.
func (c *cell) run(cmd pool.Run) {
	c.inv.mu.Lock()
	j := c.inv.jobs[cmd.Job.ID]
	c.inv.mu.Unlock()
	o := outcome{placed: c.inv.Now(), origin: cmd.Start, reason: cmd.Reason}
	if !c.mayStart(j, cmd) {
		return
	}
	if err := c.resume(); err != nil {
		c.inv.Log.Warn("container cannot be resumed", "container", c.box.ID(), "error", err)
		c.giveBack(j, cmd)
		return
	}
	if c.initError != nil { // a concurrent activation found that out
		c.giveBack(j, cmd)
		return
	}
	segment := c.segment(j)
	c.inv.show(j, segment)
	arguments := c.inv.arguments(j)
	if cmd.Init {
		c.initialize(j, arguments, &o)
	}
	o.ready = c.inv.Now()
	switch {
	case !o.end.IsZero(): // /init ended it
		c.initError = errors.New("the container was not initialized")
		c.conclude(j, cmd, segment, o)
	case j.slots > 1:
		c.underway.Add(1)
		c.running.Go(func() {
			defer c.underway.Add(-1)
			c.runNow(j, cmd, arguments, segment, o)
		})
	default:
		c.runNow(j, cmd, arguments, segment, o)
	}
}

// shares says whether the job's output can be told from that of others in the container.
func (c *cell) shares(j *job) bool { return c.traits.Own && j.slots > 1 }

// sentinels says when the runtime is to write them for the job. An activation that
// printed keeps them: on a busy machine the pipes alone do not tell in time what was
// printed before the answer from what the function prints later.
func (c *cell) sentinels(j *job) proxy.Sentinels {
	if c.shares(j) || c.silent && j.slots == 1 {
		return proxy.IfPrinted
	}
	return proxy.Always
}

// segment begins the job's output.
func (c *cell) segment(j *job) *collect.Segment {
	limit := int64(j.action.Limits.Logs) * whisk.MB
	if c.shares(j) {
		return c.output.BeginShared(string(j.msg.ID), limit)
	}
	return c.output.Begin(limit)
}

// mayStart marks the job as taken. A job that is too old, or that was taken
// before, is not started.
func (c *cell) mayStart(j *job, cmd pool.Run) bool {
	m := j.msg
	if c.inv.Now().After(m.Deadline) {
		c.inv.fail(j, whisk.ErrorResponse(whisk.InternalError, "The activation waited too long for a container."))
		c.inv.drive(pool.Finished{Container: c.create.Container, Keep: !cmd.Init})
		return false
	}
	if !m.Journaled || j.taken {
		return true
	}
	taken, err := c.inv.Journal.Take(c.inv.ctx, m.ID, message.InvokerName(c.inv.ID))
	if err == nil && taken {
		j.taken = true
		return true
	}
	if err != nil {
		c.inv.Log.Error("activation cannot be marked as taken", "activation", m.ID, "error", err)
		c.inv.fail(j, whisk.ErrorResponse(whisk.InternalError, "The journal of activations cannot be written."))
	} else {
		c.inv.Log.Info("activation was taken before", "activation", m.ID)
		c.inv.end(j)
	}
	c.inv.drive(pool.Finished{Container: c.create.Container, Keep: !cmd.Init})
	return false
}

// giveBack returns a job that did not start; the second time it fails.
func (c *cell) giveBack(j *job, cmd pool.Run) {
	if j.retried {
		c.inv.fail(j, whisk.ErrorResponse(whisk.InternalError, "Failed to provision resources to run the action."))
		c.inv.drive(pool.Finished{Container: c.create.Container})
		return
	}
	j.retried = true
	c.inv.drive(pool.Returned{Container: c.create.Container, Job: cmd.Job})
}

// initialize posts /init. When that ends the activation, o has an end.
func (c *cell) initialize(j *job, arguments split, o *outcome) {
	o.cold, o.start = true, c.inv.Now()
	request := c.inv.initRequest(j, arguments)
	if err := c.bringCode(c.inv.ctx, j, &request); err != nil {
		c.inv.Log.Error("code cannot be read", "action", j.action.FullName().ID(), "error", err)
		o.end, o.broken = o.start, true
		o.response = whisk.ErrorResponse(whisk.InternalError, "Action could not be fetched.")
		return
	}
	c.openDoor(j.action)
	request.Shared = c.shares(j)
	limit := time.Duration(j.action.Limits.Timeout) * time.Millisecond
	ctx, cancel := context.WithTimeout(c.inv.ctx, limit)
	defer cancel()
	answer, err := c.client.Init(ctx, request)
	now := c.inv.Now()
	o.initiated = now.Sub(o.start)
	response, verdict, loaded := proxy.InitResponse(answer, err, limit, request.Limit)
	if loaded {
		if answer.Compiled {
			c.keepCompiled(c.inv.ctx, j)
		}
		return
	}
	o.end, o.broken, o.timeout = now, true, verdict == proxy.TimedOut
	o.response = c.explain(fromProxy(response), err)
}

// runNow posts /run and concludes.
func (c *cell) runNow(j *job, cmd pool.Run, arguments split, segment *collect.Segment, o outcome) {
	limit := time.Duration(j.action.Limits.Timeout) * time.Millisecond
	ctx, cancel := context.WithTimeout(c.inv.ctx, limit)
	defer cancel()
	began := c.inv.Now()
	if !o.cold {
		o.start = began
	}
	request := c.inv.runRequest(j, arguments.run, began.Add(limit))
	request.Sentinels = c.sentinels(j)
	answer, err := c.client.Run(ctx, request)
	o.end = c.inv.Now()
	response, verdict := proxy.RunResponse(answer, err, limit, request.Limit)
	if verdict == proxy.Elsewhere {
		c.giveBack(j, cmd)
		return
	}
	o.silent = answer.Silent && !segment.TryEndSilently(together)
	o.timeout = verdict == proxy.TimedOut
	o.response = c.explain(fromProxy(response), err)
	o.broken = err != nil || o.timeout || o.response.Status == whisk.DeveloperError
	c.conclude(j, cmd, segment, o)
}

// explain replaces "the connection closed" by what the kernel knows better.
func (c *cell) explain(response whisk.Response, err error) whisk.Response {
	if !errors.Is(err, proxy.ErrConnection) {
		return response
	}
	timer := time.NewTimer(oomTime)
	defer timer.Stop()
	select {
	case <-c.box.Done():
		if c.box.Exit().OutOfMemory {
			return fromProxy(proxy.DeveloperError(proxy.TextOutOfMemory))
		}
	case <-timer.C:
	}
	return response
}

// together is how long an answer may wait for the end of the activation's
// output. Our runtimes write the sentinels before they answer, so that it is
// there at once, as a rule; then the slot is free before the caller knows the
// result, and its next call finds the container idle.
const together = 5 * time.Millisecond

// conclude gives the answer, collects the logs, writes the record and frees the
// slot. The answer does not wait for logs that take their time.
func (c *cell) conclude(j *job, cmd pool.Run, segment *collect.Segment, o outcome) {
	record := c.inv.record(j, o)
	if c.unmarked && !o.broken {
		segment.EndQuietly(together)
	}
	answered := j.msg.Blocking && !c.endsSoon(segment, o)
	if answered {
		c.inv.Recorder.Announce(record, !c.inv.keeps(j, record))
		c.inv.report(j, record, false)
	}
	if o.broken && c.underway.Load() <= 1 {
		// No sentinel will come any more. The end of the container brings out all it has
		// printed. Where others still run in it the pool has it removed behind them.
		c.end()
	}
	if o.silent {
		segment.EndSilently()
	}
	lines, intact := c.collect(segment, j.action.Limits.Logs, o)
	full := *record
	full.Logs = lines
	c.inv.finish(j, &full)
	c.inv.drive(pool.Finished{Container: c.create.Container, Keep: intact && !o.broken})
	if answered {
		record = nil
	}
	c.inv.report(j, record, true)
}

// endsSoon waits a moment for the end of the activation's output.
func (c *cell) endsSoon(segment *collect.Segment, o outcome) bool {
	select {
	case <-segment.Done():
		return true
	default:
	}
	if o.broken || o.silent {
		return false
	}
	timer := time.NewTimer(together)
	defer timer.Stop()
	select {
	case <-segment.Done():
		return true
	case <-timer.C:
		return false
	}
}

// end kills what runs in the container, so that its output ends too.
func (c *cell) end() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.inv.ctx), removeTime)
	defer cancel()
	if err := c.box.Remove(ctx); err != nil && !errors.Is(err, container.ErrGone) {
		c.inv.Log.Error("container cannot be removed", "container", c.box.ID(), "error", err)
	}
}

// Notices are appended to logs; the texts are OpenWhisk's.
const (
	noticeMissing = "There was an issue while collecting your logs. Data might be missing."
	noticeFailed  = "The action did not initialize or run as expected. Log data might be missing."
)

func noticeTruncated(limit int64) string {
	return "Logs were truncated because the total bytes size exceeds the limit of " + strconv.FormatInt(limit, 10) + " bytes."
}

// collect waits for the end of the activation's output and returns its lines;
// intact says that nothing of the output is in doubt.
func (c *cell) collect(segment *collect.Segment, limitMB int, o outcome) (lines []string, intact bool) {
	c.awaitOutput(segment, limitMB)
	lines, truncated, whole := segment.Lines()
	if limitMB == 0 {
		return nil, whole || o.broken
	}
	notice := func(text string) { lines = append(lines, collect.Line(c.inv.Now(), "stderr", text)) }
	if truncated {
		notice(noticeTruncated(int64(limitMB) * whisk.MB))
	}
	if !whole && !o.broken {
		notice(noticeMissing)
	}
	if o.response.Status == whisk.DeveloperError {
		notice(noticeFailed)
	}
	return lines, whole && !truncated
}

// awaitOutput returns when the segment is complete, when nothing was printed
// for two seconds, or when the time is over that OpenWhisk gives log collection.
func (c *cell) awaitOutput(segment *collect.Segment, limitMB int) {
	const silence = 2 * time.Second
	select {
	case <-segment.Done():
		return
	default:
	}
	over := time.NewTimer(time.Duration(max(5, limitMB)) * silence)
	defer over.Stop()
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	began := time.Now()
	for {
		select {
		case <-segment.Done():
			return
		case <-over.C:
			return
		case <-quiet.C:
			last := segment.Quiet()
			if last.Before(began) {
				last = began
			}
			idle := time.Since(last)
			if idle >= silence {
				return
			}
			quiet.Reset(silence - idle)
		}
	}
}

// fromProxy is the outcome as records hold it.
func fromProxy(r proxy.Response) whisk.Response {
	return whisk.Response{Status: whisk.Status(r.StatusCode), Result: r.Result, Size: r.Size}
}

// A split is an activation's arguments: those for initialization apart.
type split struct {
	run  raw
	init map[string]string
}

func (i *Invoker) arguments(j *job) split {
	if len(j.msg.InitNames) == 0 {
		return split{run: j.msg.Content}
	}
	all, err := whisk.Members(j.msg.Content)
	if err != nil {
		return split{run: j.msg.Content} // made by us: always an object
	}
	env := make(map[string]string, len(j.msg.InitNames))
	for _, name := range j.msg.InitNames {
		if value := all.Get(name); value != nil {
			env[name] = environment(value)
		}
	}
	return split{all.Without(j.msg.InitNames...).Object(), env}
}

// environment is a JSON value as environment variable: text as it is, null as nothing, all else as JSON.
func environment(value raw) string {
	var text *string
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	if text == nil {
		return ""
	}
	return *text
}

// initRequest is an /init without the code.
func (i *Invoker) initRequest(j *job, arguments split) proxy.InitRequest {
	a, m := j.action, j.msg
	request := proxy.InitRequest{Name: a.Name, Main: a.Exec.Main, Binary: a.Exec.Binary, Env: map[string]string{}, Limit: i.answerLimit(m)}
	if request.Main == "" {
		request.Main = "main"
	}
	for name, value := range arguments.init {
		request.Env[name] = value
	}
	for name, value := range map[string]string{
		"__OW_NAMESPACE": m.User.Namespace, "__OW_ACTION_NAME": m.Action.String(), "__OW_ACTION_VERSION": a.Version.String(),
		"__OW_ACTIVATION_ID": string(m.ID), "__OW_TRANSACTION_ID": m.TID,
		"__OW_DEADLINE": strconv.FormatInt(i.Now().UnixMilli()+int64(a.Limits.Timeout), 10),
	} {
		request.Env[name] = value
	}
	if givesKey(a) {
		request.Env["__OW_API_KEY"] = m.User.Key.String()
	}
	return request
}

func (i *Invoker) runRequest(j *job, value raw, deadline time.Time) proxy.RunRequest {
	m := j.msg
	request := proxy.RunRequest{
		Value: value, Namespace: m.User.Namespace, ActionName: m.Action.String(), ActionVersion: j.action.Version.String(),
		ActivationID: string(m.ID), TransactionID: m.TID, Deadline: deadline, Limit: i.answerLimit(m),
	}
	if givesKey(j.action) {
		request.APIKey = m.User.Key.String()
	}
	return request
}

// answerLimit is that of the namespace which called.
func (i *Invoker) answerLimit(m *message.Activation) proxy.Limit {
	return proxy.Limit{Response: m.User.PayloadLimit(&i.Limits), Truncation: m.User.TruncationLimit(&i.Limits)}
}

// givesKey says whether the function gets the caller's key: when its annotation
// says so, or when it is older than the annotation.
func givesKey(a *whisk.Action) bool {
	annotation := a.Annotations.Get("provide-api-key")
	return annotation == nil || whisk.Truthy(annotation)
}
