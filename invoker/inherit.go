package invoker

import (
	"fmt"

	"quirl/bus"
	"quirl/bus/message"
	"quirl/store"
)

// inherit ends what this invoker had taken before it was lost: the functions may have run, so they
// are not run again. Nothing has been received yet.
func (i *Invoker) inherit() error {
	entries, err := i.Journal.Entries(i.ctx, store.JournalQuery{Taker: message.InvokerName(i.ID)})
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	for _, e := range entries {
		m, err := message.AsActivation(bus.Raw(e.Message))
		if err != nil {
			i.Log.Error("journal entry cannot be read", "activation", e.ID, "error", err)
			continue
		}
		record := message.Orphan(m, "unknown", i.Now(), "the invoker stopped while it ran")
		i.Recorder.Put(store.Record{Activation: record})
		i.report(&job{msg: m}, record, true)
	}
	if len(entries) > 0 {
		i.Log.Info("activations ended that were under way when the invoker was lost", "count", len(entries))
	}
	return nil
}
