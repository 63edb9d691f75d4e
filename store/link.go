package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// Patience is how long most calls wait for a database that is away.
	Patience = 10 * time.Second
	// Forever is for those that have nobody who could be told to try again.
	Forever = 100 * 365 * 24 * time.Hour
)

// A Link is how a Store calls a database elsewhere, which may be away: calls that did no
// harm are repeated for a while, then they fail with ErrUnavailable. Make one with NewLink.
type Link struct {
	away, unsent func(error) bool
	closing      chan struct{}
	once         sync.Once
}

// NewLink makes a Link. away says whether an error is about the connection or the state of the
// server, so that the same call may succeed later; unsent says, of such an error, whether the
// server provably did nothing.
func NewLink(away, unsent func(error) bool) *Link {
	return &Link{away: away, unsent: unsent, closing: make(chan struct{})}
}

// Do makes a call, and repeats it while the database is away, for at most Patience, as long as
// that is safe: where nothing was executed or, when again says that a second time does no harm, always.
func (l *Link) Do(ctx context.Context, again bool, call func(ctx context.Context) error) error {
	return l.DoFor(ctx, Patience, again, call)
}

// DoFor is Do with another patience.
func (l *Link) DoFor(ctx context.Context, patience time.Duration, again bool, call func(ctx context.Context) error) error {
	var deadline <-chan time.Time
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		if l.IsClosed() {
			return ErrClosed
		}
		err := call(ctx)
		switch {
		case err == nil:
			return nil
		case l.IsClosed():
			return ErrClosed
		case !l.away(err), ctx.Err() != nil:
			return err
		case !again && !l.unsent(err):
			return l.Unavailable(err)
		}
		if deadline == nil {
			deadline = time.After(patience)
		}
		select {
		case <-time.After(pause):
		case <-deadline:
			return l.Unavailable(err)
		case <-l.closing:
			return ErrClosed
		case <-ctx.Done():
			return l.Unavailable(err)
		}
	}
}

// listenAgain is how long a listener waits before it connects again.
const listenAgain = 200 * time.Millisecond

// Listen calls listen again and again, which is to hear changes until its connection or
// its context ends. It returns when ctx ends; else with what no other connection would mend.
func (l *Link) Listen(ctx context.Context, listen func(ctx context.Context) error) error {
	for {
		err := l.listenOnce(ctx, listen)
		switch {
		case ctx.Err() != nil:
			return nil
		case l.IsClosed():
			return ErrClosed
		case err != nil && !l.away(err):
			return err
		}
		select {
		case <-time.After(listenAgain):
		case <-l.closing:
			return ErrClosed
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *Link) listenOnce(ctx context.Context, listen func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-l.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return listen(ctx)
}

// Close ends calls that wait for the database. It says whether this was the first time.
func (l *Link) Close() (first bool) {
	l.once.Do(func() {
		first = true
		close(l.closing)
	})
	return first
}

// IsClosed says whether Close was called.
func (l *Link) IsClosed() bool {
	select {
	case <-l.closing:
		return true
	default:
		return false
	}
}

// Closing is closed by Close.
func (l *Link) Closing() <-chan struct{} { return l.closing }

// Unavailable marks an error as one of a database that is away, if it is.
func (l *Link) Unavailable(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) || !l.away(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
