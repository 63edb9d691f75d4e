// Package membus is the bus within one process: bounded queues of Go values.
//
// It promises what package bus promises as long as the process lives. Nothing
// is encoded or copied, so a message costs two operations on a mutex.
package membus

import (
	"context"
	"sync"

	"quirl/bus"
)

// DefaultCapacity is how many messages may wait per topic and group.
const DefaultCapacity = 16384

// A Bus is a bus in memory. Make one with New.
type Bus struct {
	capacity int
	closed   chan struct{}

	mu     sync.Mutex
	topics map[string]*topic
	shut   bool
}

var _ bus.Bus = (*Bus)(nil)

// topic holds a queue per group. Until the first group comes, early holds what was sent.
type topic struct {
	groups map[string]*queue
	early  *queue
}

// New makes a Bus on whose topics at most capacity messages wait per group.
func New(capacity int) *Bus {
	return &Bus{capacity: capacity, closed: make(chan struct{}), topics: make(map[string]*topic)}
}

// topic returns the topic by that name; b.mu is held.
func (b *Bus) topic(name string) *topic {
	t := b.topics[name]
	if t == nil {
		t = &topic{groups: make(map[string]*queue), early: newQueue()}
		b.topics[name] = t
	}
	return t
}

// Send is that of bus.Bus.
func (b *Bus) Send(_ context.Context, name string, m bus.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shut {
		return bus.ErrClosed
	}
	t := b.topic(name)
	if len(t.groups) == 0 {
		return t.early.push(m, b.capacity)
	}
	for _, q := range t.groups {
		if q.len() >= b.capacity {
			return bus.ErrFull
		}
	}
	for _, q := range t.groups {
		if err := q.push(m, b.capacity); err != nil {
			return err
		}
	}
	return nil
}

// Receive is that of bus.Bus.
func (b *Bus) Receive(ctx context.Context, name, group string) (bus.Delivery, error) {
	q, err := b.queue(name, group)
	if err != nil {
		return nil, err
	}
	for {
		if m, ok := q.pop(); ok {
			return &delivery{q, m}, nil
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-b.closed:
			return nil, bus.ErrClosed
		}
	}
}

func (b *Bus) queue(name, group string) (*queue, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shut {
		return nil, bus.ErrClosed
	}
	t := b.topic(name)
	q := t.groups[group]
	if q == nil {
		q, t.early = t.early, newQueue()
		t.groups[group] = q
	}
	return q, nil
}

// Close is that of bus.Bus.
func (b *Bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.shut {
		b.shut = true
		close(b.closed)
	}
	return nil
}

type delivery struct {
	q *queue
	m bus.Message
}

func (d *delivery) Message() bus.Message { return d.m }
func (d *delivery) Ack()                 {}
func (d *delivery) Nack()                { d.q.unpop(d.m) }
