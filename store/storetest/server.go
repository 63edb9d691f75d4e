package storetest

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"quirl/store"
)

// A Server is a database's, which can be killed and started again.
type Server interface {
	Kill() error
	Start() error
}

// KillServer writes to s and kills its server several times in the middle of that, each after
// so many confirmed writes: nothing that was confirmed is lost, no call hangs, and all goes on
// when it is back.
func KillServer(t *testing.T, s store.Store, server Server, writes int) {
	t.Helper()
	var confirmed lockedBuffer
	writing, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- WriteThrough(s, &confirmed, writing) }()
	for round := range 3 {
		confirmed.grow(t, writes)
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(round) * 500 * time.Millisecond) // so long it is away
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	confirmed.grow(t, writes)
	close(writing)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	CheckConfirmed(t, s, &confirmed.Buffer)
}

// A lockedBuffer is one that is written and measured at once.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// grow waits for so many more lines.
func (b *lockedBuffer) grow(t *testing.T, lines int) {
	t.Helper()
	count := func() int {
		b.mu.Lock()
		defer b.mu.Unlock()
		return bytes.Count(b.Bytes(), []byte("\n"))
	}
	began := count()
	for deadline := time.Now().Add(time.Minute); count() < began+lines; {
		if time.Now().After(deadline) {
			t.Fatalf("%d writes were confirmed in a minute, want %d", count()-began, lines)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
