package membus

import (
	"sync"

	"quirl/bus"
)

// A queue is a first-in-first-out list that many goroutines use. ready holds a
// token while there may be messages; whoever takes it and leaves some puts it back.
type queue struct {
	ready chan struct{}

	mu    sync.Mutex
	items []bus.Message
	head  int // items[:head] are gone
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) - q.head
}

func (q *queue) push(m bus.Message, capacity int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items)-q.head >= capacity {
		return bus.ErrFull
	}
	q.items = append(q.items, m)
	q.signal()
	return nil
}

// unpop puts a message back in front; a bound does not apply, as it was counted before.
func (q *queue) unpop(m bus.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head > 0 {
		q.head--
		q.items[q.head] = m
	} else {
		q.items = append([]bus.Message{m}, q.items...)
	}
	q.signal()
}

func (q *queue) pop() (bus.Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		return nil, false
	}
	m := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	if q.head > 1024 && q.head*2 > len(q.items) {
		q.items, q.head = append(q.items[:0:0], q.items[q.head:]...), 0
	}
	if q.head < len(q.items) {
		q.signal()
	}
	return m, true
}

// signal leaves a token for a receiver; q.mu is held.
func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
