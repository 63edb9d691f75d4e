package pgstore

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"quirl/store"
	"quirl/whisk"
)

// columns are records as arrays, one for each column.
type columns struct {
	ids, namespaces, names   []string
	days                     []time.Time
	starts                   []int64
	documents, results, logs [][]byte
}

func (c *columns) add(r store.Record) {
	p := store.Split(r.Activation)
	c.ids, c.namespaces, c.names = append(c.ids, string(r.ID)), append(c.namespaces, r.Namespace), append(c.names, r.FilterName())
	c.days, c.starts = append(c.days, dayOf(r.Activation)), append(c.starts, r.Start.UnixMilli())
	c.documents, c.results, c.logs = append(c.documents, p.Document), append(c.results, p.Result), append(c.logs, p.Logs)
}

// dayOf is the day of the partition of a record.
func dayOf(a *whisk.Activation) time.Time {
	if made, ok := timeOf(a.ID); ok {
		return made
	}
	return a.Start.UTC().Truncate(24 * time.Hour)
}

// timeOf is the day in an id that has the time in it: a UUID of version 7 (RFC 9562, section 5.7).
func timeOf(id whisk.ActivationID) (day time.Time, ok bool) {
	if len(id) != 32 || id[12] != '7' {
		return day, false
	}
	millis, err := strconv.ParseInt(string(id[:12]), 16, 64)
	made := time.UnixMilli(millis).UTC()
	if err != nil || made.Year() < 2000 || made.Year() > 2200 { // of another maker, by chance
		return day, false
	}
	return made.Truncate(24 * time.Hour), true
}

// writeRecords writes the records that have no row yet, and takes ids out of the journal.
const writeRecords = `WITH recorded AS (DELETE FROM journal WHERE id = ANY ($9::text[]))
	INSERT INTO activations (id, day, namespace, name, start, document, result, logs)
	SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[], $8::bytea[])
	ON CONFLICT DO NOTHING`

// PutActivations is that of store.Activations. Writing a record twice does no harm, so it is
// repeated; how many records were refused is then not known, and 0.
func (s *Store) PutActivations(ctx context.Context, records []store.Record) (refused int, err error) {
	var c columns
	var journaled []string
	for _, r := range records {
		if !r.Unjournaled {
			journaled = append(journaled, string(r.ID))
		}
		if !r.Discard {
			c.add(r)
		}
	}
	if len(c.ids) == 0 && len(journaled) == 0 {
		return 0, nil
	}
	attempts := 0
	err = s.link.Do(ctx, true, func(ctx context.Context) error {
		attempts++
		if err := s.makeDays(ctx, c.days); err != nil {
			return err
		}
		tag, err := s.pool.Exec(ctx, writeRecords, c.ids, c.days, c.namespaces, c.names, c.starts, c.documents, c.results, c.logs, journaled)
		if attempts == 1 {
			refused = len(c.ids) - int(tag.RowsAffected())
		}
		var failed *pgconn.PgError
		if errors.As(err, &failed) && failed.Code == "23514" { // no partition: somebody dropped it
			s.forgetDays()
		}
		return err
	})
	if attempts > 1 || err != nil {
		refused = 0
	}
	return refused, err
}

// makeDays makes the partitions of days, if they are not there.
func (s *Store) makeDays(ctx context.Context, days []time.Time) error {
	for _, day := range days {
		name := day.Format("20060102")
		s.mu.Lock()
		known := s.days[name]
		s.mu.Unlock()
		if known {
			continue
		}
		if err := s.makeDay(ctx, day, name); err != nil {
			return err
		}
		s.mu.Lock()
		s.days[name] = true
		s.mu.Unlock()
	}
	return nil
}

func (s *Store) forgetDays() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.days)
}

// makeDay makes a partition beside the table and attaches it, which hinders no reader or
// writer; those who do so at once wait for each other.
func (s *Store) makeDay(ctx context.Context, day time.Time, name string) error {
	const form = "2006-01-02"
	table := "activations_" + name
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&exists); err != nil || exists {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE TABLE "+table+" (LIKE activations INCLUDING ALL)"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "ALTER TABLE activations ATTACH PARTITION "+table+" FOR VALUES FROM ('"+day.Format(form)+"') TO ('"+day.AddDate(0, 0, 1).Format(form)+"')")
		return err
	})
}

// Activation is that of store.Activations.
func (s *Store) Activation(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	var c condition
	c.and("id = ?", string(id))
	c.and("namespace = ?", namespace)
	if day, ok := timeOf(id); ok { // then one partition is asked
		c.and("day = ?", day)
	}
	var p store.Parts
	if err := s.row(ctx, "SELECT document, result, logs FROM activations"+c.String(), c.args, &p.Document, &p.Result, &p.Logs); err != nil {
		return nil, err
	}
	return p.Join()
}

func activationCondition(q store.ActivationQuery) *condition {
	var c condition
	c.and("namespace = ?", q.Namespace)
	if q.Name != "" {
		c.and("name = ?", q.Name)
	}
	if q.Since != 0 {
		c.and("start >= ?", q.Since)
	}
	if q.Upto != 0 {
		c.and("start <= ?", q.Upto)
	}
	return &c
}

// ListActivations is that of store.Activations.
func (s *Store) ListActivations(ctx context.Context, q store.ActivationQuery) ([]*whisk.Activation, error) {
	c := activationCondition(q)
	query := "SELECT document, NULL::bytea, NULL::bytea FROM activations"
	if q.Full {
		query = "SELECT document, result, logs FROM activations"
	}
	query += c.String() + " ORDER BY start DESC, id DESC" + c.page(q.Limit, q.Skip)
	return rows(ctx, s, query, c.args, decodeActivationRow)
}

// CountActivations is that of store.Activations.
func (s *Store) CountActivations(ctx context.Context, q store.ActivationQuery) (n int, err error) {
	c := activationCondition(q)
	err = s.row(ctx, "SELECT count(*) FROM activations"+c.String(), c.args, &n)
	return n, err
}
