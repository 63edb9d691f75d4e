//go:build linux && cgo

package main

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// makers are the threads on which boxes are made. A box gets a signal when the
// thread that made it ends (see config.go), and Go ends threads as it likes; so
// boxes are made on threads that live as long as the launcher.
type makers struct {
	now   chan func()
	ahead chan func()
	done  sync.WaitGroup
}

// aheadNice is the nice level of work that nobody waits for.
const aheadNice = 10

func newMakers(n int) *makers {
	m := &makers{now: make(chan func()), ahead: make(chan func())}
	for range n + 1 {
		m.run(m.now, 0)
	}
	m.run(m.ahead, aheadNice)
	return m
}

func (m *makers) run(work chan func(), nice int) {
	m.done.Add(1)
	go func() {
		defer m.done.Done()
		// Never unlocked: the thread ends with the goroutine, at close.
		runtime.LockOSThread()
		if nice != 0 {
			_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), nice)
		}
		for f := range work {
			f()
		}
	}()
}

// do runs f on one of the threads and waits for it.
func (m *makers) do(ahead bool, f func() error) error {
	work := m.now
	if ahead {
		work = m.ahead
	}
	result := make(chan error, 1)
	work <- func() { result <- f() }
	return <-result
}

func (m *makers) close() {
	close(m.now)
	close(m.ahead)
	m.done.Wait()
}
