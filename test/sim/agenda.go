package main

import (
	"time"

	"quirl/invoker/pool"
)

// An appointment is an event that is sure to come.
type appointment struct {
	at    time.Duration
	order int // among those of the same time
	event pool.Event
}

// agenda is a heap, the next appointment first.
type agenda []appointment

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (a agenda) Len() int { return len(a) }

func (a agenda) Less(i, j int) bool {
	if a[i].at != a[j].at {
		return a[i].at < a[j].at
	}
	return a[i].order < a[j].order
}

func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

func (a *agenda) Push(x any) { *a = append(*a, x.(appointment)) }

func (a *agenda) Pop() any {
	last := len(*a) - 1
	next := (*a)[last]
	*a = (*a)[:last]
	return next
}
