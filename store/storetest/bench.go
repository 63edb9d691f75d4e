package storetest

import (
	"testing"

	"quirl/store"
)

// Bench measures what is done most: records in batches, as the recorder writes them, the way
// of a non-blocking call through the journal, and reads.
func Bench(b *testing.B, open func(*testing.B) store.Store) {
	const batch = 256
	b.Run("records", func(b *testing.B) {
		s := open(b)
		defer s.Close()
		n := 0
		for b.Loop() {
			records := make([]store.Record, batch)
			for i := range records {
				n++
				records[i] = store.Record{Activation: record("ns", "a", noon+int64(n)), Unjournaled: true}
			}
			if refused, err := s.PutActivations(b.Context(), records); err != nil || refused > 0 {
				b.Fatal(refused, err)
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
	})
	b.Run("journal", func(b *testing.B) { // accept, take, record
		s := open(b)
		defer s.Close()
		message := make([]byte, 500)
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				id := newID()
				err := s.Accept(b.Context(), store.JournalEntry{ID: id, Message: message})
				if err == nil {
					_, err = s.Take(b.Context(), id, "invoker3")
				}
				if err == nil {
					err = s.Drop(b.Context(), id)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	})
	b.Run("entity", func(b *testing.B) { benchEntity(b, open(b)) })
	b.Run("entity cached", func(b *testing.B) { benchEntity(b, store.NewCached(open(b), 100)) })
	b.Run("list", func(b *testing.B) { // of 30 among 30,000 records of 30 days
		s := open(b)
		defer s.Close()
		for day := range int64(30) {
			var records []store.Record
			for i := range int64(1000) {
				records = append(records, store.Record{Activation: record("ns", "a", noon+day*24*3600*1000+i), Unjournaled: true})
			}
			if _, err := s.PutActivations(b.Context(), records); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			list, err := s.ListActivations(b.Context(), store.ActivationQuery{Namespace: "ns", Limit: 30})
			if err != nil || len(list) != 30 {
				b.Fatal(len(list), err)
			}
		}
	})
}

// benchEntity reads one entity again and again.
func benchEntity(b *testing.B, s store.Store) {
	defer s.Close()
	if _, err := s.PutEntity(b.Context(), action("ns", "a", noon)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Entity(b.Context(), "ns/a"); err != nil {
			b.Fatal(err)
		}
	}
}
