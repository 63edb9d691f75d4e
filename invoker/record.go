package invoker

import (
	"context"
	"errors"
	"strconv"
	"time"

	"quirl/bus"
	"quirl/bus/message"
	"quirl/invoker/pool"
	"quirl/store"
	"quirl/whisk"
)

// A timeline says where the time of an activation went, in microseconds. It is
// ours: an annotation that OpenWhisk does not have.
type timeline struct {
	Admission int64 // from the request to the invoker
	Queue     int64 // until the pool had a container
	Container int64 // until the container was ready: resumed, initialized
	Init      int64 // of cold starts alone
	Run       int64
}

func (t timeline) appendJSON(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"admission":`...), t.Admission, 10)
	b = strconv.AppendInt(append(b, `,"queue":`...), t.Queue, 10)
	b = strconv.AppendInt(append(b, `,"container":`...), t.Container, 10)
	if t.Init > 0 {
		b = strconv.AppendInt(append(b, `,"init":`...), t.Init, 10)
	}
	b = strconv.AppendInt(append(b, `,"run":`...), t.Run, 10)
	return append(b, '}')
}

// record makes the record of an activation, without logs.
func (i *Invoker) record(j *job, o outcome) *whisk.Activation {
	m := j.msg
	end := o.start.Add(o.end.Sub(o.start)) // the time that passed counts, also when the clock was set meanwhile
	a := &whisk.Activation{
		Namespace: m.User.Namespace, Name: m.Action.Name, Version: m.Version, Subject: m.User.Subject, ID: m.ID, Cause: m.Cause,
		Start: o.start, End: end, Duration: end.UnixMilli() - o.start.UnixMilli(), Response: o.response,
	}
	notes := make(whisk.Parameters, 0, 10)
	note := func(key string, value raw) { notes = append(notes, whisk.Parameter{Key: key, Value: value}) }
	note("path", whisk.AppendString(nil, m.Action.ID()))
	note("waitTime", strconv.AppendInt(nil, max(0, o.start.Sub(m.Received).Milliseconds()), 10))
	note("kind", whisk.AppendString(nil, j.kind))
	note("timeout", strconv.AppendBool(nil, o.timeout))
	if j.action != nil {
		note("limits", j.action.Limits.AppendJSON(nil))
		a.Version = j.action.Version
	}
	if m.Cause != "" {
		note("causedBy", raw(`"sequence"`))
	}
	if m.Binding != "" {
		note("binding", whisk.AppendString(nil, string(m.Binding)))
	}
	if o.cold {
		note("initTime", strconv.AppendInt(nil, o.initiated.Milliseconds(), 10))
		note("coldStart", whisk.Marshal(o.coldStart()))
	}
	if !o.placed.IsZero() {
		note("timeline", j.timeline(o).appendJSON(nil))
	}
	a.Annotations = notes
	return a
}

// coldStart says why there was no warm container, and whether a stem cell was there.
type coldStart struct {
	Reason string `json:"reason"`
	Start  string `json:"start"`
}

func (o *outcome) coldStart() coldStart {
	start := pool.Cold
	if o.origin != pool.Cold {
		start = pool.Stemmed
	}
	return coldStart{o.reason.String(), start.String()}
}

func (j *job) timeline(o outcome) timeline {
	micros := func(from, to time.Time) int64 {
		if from.IsZero() || to.Before(from) {
			return 0
		}
		return to.Sub(from).Microseconds()
	}
	t := timeline{
		Admission: micros(j.msg.Received, j.arrived),
		Queue:     micros(j.arrived, o.placed),
		Container: micros(o.placed, o.ready) - o.initiated.Microseconds(),
		Init:      o.initiated.Microseconds(),
	}
	t.Run = micros(o.ready, o.end)
	return t
}

// report tells the controller the result, unless record is nil or nobody waits
// for it; done says that the caller's slot is free.
func (i *Invoker) report(j *job, record *whisk.Activation, done bool) {
	m := j.msg
	ack := &message.Ack{ID: m.ID, TID: m.TID, Done: done, Invoker: i.ID}
	if m.Blocking {
		ack.Activation = record
	}
	if record != nil {
		ack.SystemError = record.Response.Status == whisk.InternalError && !j.blameless
	}
	i.acknowledge(m, ack)
}

// acknowledge sends an acknowledgement. One that is too large for the bus says where the record is
// to be found instead; one that cannot be sent is tried again until nobody can wait for it any more.
func (i *Invoker) acknowledge(m *message.Activation, ack *message.Ack) {
	ctx := context.WithoutCancel(i.ctx)
	topic := message.CompletedTopic(m.Controller)
	err := i.Bus.Send(ctx, topic, ack)
	if errors.Is(err, bus.ErrTooLarge) {
		ack.Activation, ack.Stored = nil, true
		err = i.Bus.Send(ctx, topic, ack)
	}
	switch {
	case err == nil, errors.Is(err, bus.ErrClosed):
	case errors.Is(err, bus.ErrAway), errors.Is(err, bus.ErrFull):
		i.Log.Warn("acknowledgement cannot be sent, trying again", "activation", m.ID, "error", err)
		go i.insist(ctx, m, topic, ack)
	default:
		i.Log.Error("acknowledgement cannot be sent", "activation", m.ID, "error", err)
	}
}

// insistEvery is the pause between two tries to send an acknowledgement.
const insistEvery = 200 * time.Millisecond

func (i *Invoker) insist(ctx context.Context, m *message.Activation, topic string, ack *message.Ack) {
	err := bus.ErrAway
	for i.Now().Before(m.Deadline) && (errors.Is(err, bus.ErrAway) || errors.Is(err, bus.ErrFull)) {
		time.Sleep(insistEvery)
		err = i.Bus.Send(ctx, topic, ack)
	}
	if err != nil && !errors.Is(err, bus.ErrClosed) {
		i.Log.Error("acknowledgement was not sent", "activation", m.ID, "error", err)
	}
}

// keeps says whether the record is to be kept.
func (i *Invoker) keeps(j *job, record *whisk.Activation) bool {
	return i.Storing.Keeps(j.msg.User, j.msg.Blocking, j.msg.ExtraLogging, record.Response.Status)
}

// finish hands over the final record and forgets the job.
func (i *Invoker) finish(j *job, record *whisk.Activation) {
	lines, err := i.Logs.Write(i.ctx, record, record.Logs)
	if err != nil {
		i.Log.Error("logs cannot be stored", "activation", record.ID, "error", err)
		lines = record.Logs
	}
	final := *record
	final.Logs = lines
	i.Recorder.Put(store.Record{Activation: &final, Discard: !i.keeps(j, record), Unjournaled: !j.msg.Journaled})
	i.end(j)
}
