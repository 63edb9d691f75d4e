package storetest

import (
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// LargeRecords is the variable that says how many records BenchLarge stores, 1,000,000 by default.
const LargeRecords = "QUIRL_BENCH_RECORDS"

// BenchLarge measures a store with a day of a million records: writing them, reading and listing
// among them, and their removal, with what others wait for meanwhile. Run it with -benchtime 1x.
func BenchLarge(b *testing.B, open func(*testing.B) store.Store) {
	count := 1_000_000
	if text := os.Getenv(LargeRecords); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		s := open(b)
		l := &large{b: b, s: s}
		l.fill(count)
		l.reads()
		l.remove()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// dayMillis is a day in milliseconds.
const dayMillis = 24 * 3600 * 1000

// firstDay is the begin of the day that the records are of.
const firstDay = noon / dayMillis * dayMillis

// A large is a store that is being measured.
type large struct {
	b   *testing.B
	s   store.Store
	ids []whisk.ActivationID // some of those stored
}

// put writes records of the moment at and those after it, which are a step apart.
func (l *large) put(at, step int64, n int) time.Duration {
	records := make([]store.Record, n)
	for i := range records {
		records[i] = store.Record{Activation: record("ns", numbered("a", i%100), at+int64(i)*step), Unjournaled: true}
	}
	l.ids = append(l.ids, records[0].ID)
	began := time.Now()
	if refused, err := l.s.PutActivations(l.b.Context(), records); err != nil || refused > 0 {
		l.b.Fatal(refused, err)
	}
	return time.Since(began)
}

// fill stores a day's records, and a few of the next day.
func (l *large) fill(count int) {
	const batch = 1000
	step := max(1, int64(dayMillis/count))
	var spent time.Duration
	for done := 0; done < count; done += batch {
		spent += l.put(firstDay+int64(done)*step%dayMillis, step, min(batch, count-done))
	}
	l.b.ReportMetric(float64(count)/spent.Seconds(), "written/s")
	for i := range int64(10) {
		l.put(firstDay+dayMillis+i*1000, 1, batch)
	}
}

// median is that of the times that do takes.
func (l *large) median(n int, name string, do func(i int) error) {
	times := make([]time.Duration, n)
	for i := range times {
		began := time.Now()
		if err := do(i); err != nil {
			l.b.Fatal(name, err)
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	l.b.ReportMetric(float64(times[n/2].Microseconds())/1000, name+"-ms")
}

func (l *large) reads() {
	list := func(q store.ActivationQuery) func(int) error {
		return func(int) error {
			_, err := l.s.ListActivations(l.b.Context(), q)
			return err
		}
	}
	l.median(200, "get", func(i int) error {
		_, err := l.s.Activation(l.b.Context(), "ns", l.ids[i*7919%len(l.ids)])
		return err
	})
	l.median(200, "list", list(store.ActivationQuery{Namespace: "ns", Limit: 30}))
	l.median(200, "list-by-name", list(store.ActivationQuery{Namespace: "ns", Name: numbered("a", 7), Limit: 30}))
	l.median(200, "list-old", list(store.ActivationQuery{Namespace: "ns", Upto: firstDay + dayMillis/2, Limit: 30}))
	l.median(3, "count", func(int) error {
		_, err := l.s.CountActivations(l.b.Context(), store.ActivationQuery{Namespace: "ns"})
		return err
	})
}

// remove removes the large day, by the rhythm of the platform's upkeep, while another one writes and lists.
func (l *large) remove() {
	at := int64(firstDay + 2*dayMillis)
	beside := func(ended <-chan struct{}) (longest time.Duration) {
		for {
			began := time.Now()
			at += 1000
			l.put(at, 1, 10)
			if _, err := l.s.ListActivations(l.b.Context(), store.ActivationQuery{Namespace: "ns", Limit: 30}); err != nil {
				l.b.Fatal(err)
			}
			longest = max(longest, time.Since(began))
			select {
			case <-ended:
				return longest
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	alone := make(chan struct{})
	time.AfterFunc(2*time.Second, func() { close(alone) })
	l.b.ReportMetric(float64(beside(alone).Microseconds())/1000, "longest-wait-before-ms")

	removed := make(chan struct{})
	var writing sync.WaitGroup
	var longest time.Duration
	writing.Go(func() { longest = beside(removed) })
	began := time.Now()
	gone := time.Duration(0)
	for more := true; more; {
		var err error
		if more, err = l.s.ExpireActivations(l.b.Context(), "", time.UnixMilli(firstDay+dayMillis)); err != nil {
			l.b.Fatal(err)
		}
		if gone > 0 {
			continue
		}
		list, err := l.s.ListActivations(l.b.Context(), store.ActivationQuery{Namespace: "ns", Upto: firstDay + dayMillis - 1, Limit: 1})
		if err != nil {
			l.b.Fatal(err)
		}
		if len(list) == 0 {
			gone = time.Since(began)
		}
	}
	took := time.Since(began)
	close(removed)
	writing.Wait()
	l.b.ReportMetric(gone.Seconds(), "gone-s")
	l.b.ReportMetric(took.Seconds(), "room-given-back-s")
	l.b.ReportMetric(float64(longest.Microseconds())/1000, "longest-wait-meanwhile-ms")
}
