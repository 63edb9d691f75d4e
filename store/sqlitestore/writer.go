package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"quirl/store"
)

// maxBatch bounds how many operations share one transaction.
const maxBatch = 512

// An operation is one caller's change. do may run more than once, each time in
// a transaction that was rolled back before. A *refusal leaves the transaction
// as it is; any other error makes it void.
type operation struct {
	do   func(tx *txn) error
	done chan error
}

// A refusal is an error that an operation returns without having changed anything.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// A writer runs all changes of one database on one connection. Operations that
// wait while a transaction commits share the next one (group commit).
type writer struct {
	conn  *sql.Conn
	queue chan *operation
	stmts map[string]*sql.Stmt

	mu     sync.RWMutex // held for reading while sending on queue
	closed bool
	ended  chan struct{}
}

// txn gives an operation prepared statements on the writer's connection.
type txn struct{ w *writer }

func newWriter(conn *sql.Conn) *writer {
	w := &writer{conn: conn, queue: make(chan *operation, 4*maxBatch), stmts: make(map[string]*sql.Stmt), ended: make(chan struct{})}
	go w.run()
	return w
}

// write runs do in a transaction and returns after its commit.
func (w *writer) write(ctx context.Context, do func(tx *txn) error) error {
	op := &operation{do, make(chan error, 1)}
	if err := w.enqueue(ctx, op); err != nil {
		return err
	}
	// Once queued the operation will run, so its true outcome is worth waiting for.
	return <-op.done
}

func (w *writer) enqueue(ctx context.Context, op *operation) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return store.ErrClosed
	}
	select {
	case w.queue <- op:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) isClosed() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.closed
}

func (w *writer) close() error {
	w.mu.Lock()
	already := w.closed
	w.closed = true
	w.mu.Unlock()
	if already {
		return nil
	}
	close(w.queue)
	<-w.ended
	for _, s := range w.stmts {
		s.Close()
	}
	return w.conn.Close()
}

func (w *writer) run() {
	defer close(w.ended)
	batch := make([]*operation, 0, maxBatch)
	for op := range w.queue {
		batch = append(batch[:0], op)
	gather:
		for len(batch) < maxBatch {
			select {
			case more, ok := <-w.queue:
				if !ok {
					break gather
				}
				batch = append(batch, more)
			default:
				break gather
			}
		}
		w.commit(batch)
	}
}

// commit runs the operations in one transaction, or each in its own when one of them voids it.
func (w *writer) commit(batch []*operation) {
	results := make([]error, len(batch))
	err := w.transaction(func(tx *txn) error {
		for i, op := range batch {
			if results[i] = op.do(tx); results[i] != nil && !isRefusal(results[i]) {
				return results[i]
			}
		}
		return nil
	})
	if err != nil && len(batch) > 1 {
		for _, op := range batch {
			w.commit([]*operation{op})
		}
		return
	}
	for i, op := range batch {
		if err != nil {
			results[i] = explainDamage(err)
		}
		op.done <- unwrapRefusal(results[i])
	}
}

// transaction is never left half-way, so nobody's context ends it.
func (w *writer) transaction(do func(tx *txn) error) error {
	return inTransaction(context.Background(), w.conn, func() error { return do(&txn{w}) })
}

func isRefusal(err error) bool {
	var r refusal
	return errors.As(err, &r)
}

func unwrapRefusal(err error) error {
	var r refusal
	if errors.As(err, &r) {
		return r.error
	}
	return err
}

func (tx *txn) stmt(query string) (*sql.Stmt, error) {
	if s := tx.w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := tx.w.conn.PrepareContext(context.Background(), query)
	if err == nil {
		tx.w.stmts[query] = s
	}
	return s, err
}

// exec runs a statement and returns how many rows it changed.
func (tx *txn) exec(query string, args ...any) (int64, error) {
	s, err := tx.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
