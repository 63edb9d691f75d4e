package pool

import (
	"container/heap"
	"time"
)

// An alarm wakes something at a time. One that rings too early is set again by
// who is woken; so a container that is used again leaves its alarm alone, and a
// warm call costs nothing here.
type alarm struct {
	at    time.Time
	order int // of alarms for the same time
	place int // in the heap, from 1; 0 when it is not set
	wakes sleeper
}

// A sleeper wants to be woken by a Tick.
type sleeper interface{ wake(s *step) }

// alarms is a heap, the next one first.
type alarms struct {
	heap []*alarm
	set  int // how often one was set
}

// by sees to it that a rings at the given time or before.
func (as *alarms) by(a *alarm, at time.Time) {
	switch {
	case a.place == 0:
		as.set++
		a.at, a.order = at, as.set
		heap.Push(as, a)
	case at.Before(a.at):
		a.at = at
		heap.Fix(as, a.place-1)
	}
}

// cancel takes a out.
func (as *alarms) cancel(a *alarm) {
	if a.place > 0 {
		heap.Remove(as, a.place-1)
	}
}

// due takes out the next alarm that rings at now or before, nil when there is none.
func (as *alarms) due(now time.Time) *alarm {
	if len(as.heap) == 0 || as.heap[0].at.After(now) {
		return nil
	}
	return heap.Pop(as).(*alarm)
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (as *alarms) Len() int { return len(as.heap) }

func (as *alarms) Less(i, j int) bool {
	a, b := as.heap[i], as.heap[j]
	if a.at.Equal(b.at) {
		return a.order < b.order
	}
	return a.at.Before(b.at)
}

func (as *alarms) Swap(i, j int) {
	as.heap[i], as.heap[j] = as.heap[j], as.heap[i]
	as.heap[i].place, as.heap[j].place = i+1, j+1
}

func (as *alarms) Push(x any) {
	a := x.(*alarm)
	as.heap = append(as.heap, a)
	a.place = len(as.heap)
}

func (as *alarms) Pop() any {
	last := len(as.heap) - 1
	a := as.heap[last]
	as.heap[last] = nil
	as.heap = as.heap[:last]
	a.place = 0
	return a
}
