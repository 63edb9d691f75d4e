package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"quirl/bus"
)

// What the topics have in common, in bytes. Source: OpenWhisk, the contract of its message bus.
const (
	segmentBytes   = 512 << 20
	retentionBytes = 1 << 30
)

// batchOverhead is what Kafka adds to a single message: the headers of its batch and of the record.
const batchOverhead = 256

// retentions are how long a topic keeps its messages, by what its name begins with; of several the
// first counts. Source: likewise.
var retentions = []struct {
	topic string
	keep  time.Duration
	// latest says that only what is sent from now on is of interest to a receiver.
	latest bool
}{
	{"invoker", 48 * time.Hour, false},
	{"completed", time.Hour, false},
	{"health", time.Hour, true},
	{"cacheInvalidation", 5 * time.Minute, false},
	{"events", time.Hour, false},
}

func retention(name string) (keep time.Duration, latest bool) {
	for _, r := range retentions {
		if strings.HasPrefix(name, r.topic) {
			return r.keep, r.latest
		}
	}
	return time.Hour, false
}

// A topic is made when it is used for the first time.
type topic struct {
	name string

	mu   sync.Mutex
	made bool
}

func (b *Bus) topic(name string) (*topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, bus.ErrClosed
	}
	t := b.topics[name]
	if t == nil {
		t = &topic{name: name}
		b.topics[name] = t
	}
	return t, nil
}

// ready makes the topic unless it is there; others wait meanwhile.
func (t *topic) ready(ctx context.Context, b *Bus) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.made {
		return nil
	}
	keep, _ := retention(t.name)
	text := func(n int64) *string { s := strconv.FormatInt(n, 10); return &s }
	_, err := b.admin.CreateTopic(ctx, 1, b.Replicas, map[string]*string{
		"retention.ms":      text(keep.Milliseconds()),
		"retention.bytes":   text(retentionBytes),
		"segment.bytes":     text(segmentBytes),
		"max.message.bytes": text(int64(b.MaxMessage + batchOverhead)),
	}, b.Prefix+t.name)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("make topic %s: %w", b.Prefix+t.name, err)
	}
	t.made = true
	return nil
}
