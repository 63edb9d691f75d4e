package kafkabus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"quirl/bus"
)

const (
	// pollRecords is how many messages a consumer takes from its client at once.
	pollRecords = 128
	// maxWaiting and maxWaitingBytes bound what a consumer has for its receivers: beyond
	// that it leaves messages where they are.
	maxWaiting      = 256
	maxWaitingBytes = 16 << 20
	// fetchBytes bounds what its client has beside, but for a single larger message.
	fetchBytes = 4 << 20
	// commitEvery is how often a group's position is committed to Kafka.
	commitEvery = 100 * time.Millisecond
	// commitPatience is how long the last commit may take.
	commitPatience = 3 * time.Second
	// again is the pause before something that failed is tried again.
	again = 200 * time.Millisecond
)

// A consumer receives one topic for one group.
type consumer struct {
	bus   *Bus
	topic *topic
	group string
	note  *note
	ended chan struct{}

	ready chan struct{} // has a token while messages wait
	room  chan struct{} // gets a token when some were taken

	mu      sync.Mutex
	waiting []*delivery // in order
	bytes   int
	held    []int64        // offsets that were fetched and may not be done, in order
	done    map[int64]bool // of held
	// next is the offset after the last one fetched, -1 before there was one; position the one up to
	// which all is done; committed the one that Kafka has.
	next, position, committed int64
}

func newConsumer(b *Bus, t *topic, group string) *consumer {
	c := &consumer{
		bus: b, topic: t, group: group, note: newNote(b.Positions, t.name, group), ended: make(chan struct{}),
		ready: make(chan struct{}, 1), room: make(chan struct{}, 1), done: make(map[int64]bool), next: -1,
	}
	go c.run(b.ctx)
	return c
}

// signal puts a token into a channel that has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run fetches until ctx ends. Brokers that are away are tried again.
func (c *consumer) run(ctx context.Context) {
	defer close(c.ended)
	for ctx.Err() == nil {
		if err := c.consume(ctx); err != nil && ctx.Err() == nil {
			c.bus.Log.Warn("messages cannot be received, trying again", "topic", c.topic.name, "error", err)
			c.pause(ctx)
		}
	}
}

func (c *consumer) pause(ctx context.Context) {
	select {
	case <-time.After(again):
	case <-ctx.Done():
	}
}

func (c *consumer) consume(ctx context.Context) error {
	if err := c.topic.ready(ctx, c.bus); err != nil {
		return err
	}
	from, err := c.start(ctx)
	if err != nil {
		return err
	}
	name := c.bus.Prefix + c.topic.name
	client, err := c.bus.client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: {0: from}}),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(fetchBytes), kgo.FetchMinBytes(1),
		kgo.MaxConcurrentFetches(1),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	var commits sync.WaitGroup
	committing, stop := context.WithCancel(ctx)
	commits.Go(func() { c.commits(committing) })
	defer commits.Wait()
	defer stop()
	for {
		fetches := client.PollRecords(ctx, pollRecords)
		if ctx.Err() != nil {
			return nil
		}
		c.add(fetches.Records())
		if err := fetches.Err(); err != nil { // one that the client does not mend by itself
			return err
		}
		if !c.waitForRoom(ctx) {
			return nil
		}
	}
}

// start is where the group goes on: at what it has not acknowledged, which the local note knows
// better than Kafka does.
func (c *consumer) start(ctx context.Context) (kgo.Offset, error) {
	c.mu.Lock()
	next := c.next
	c.mu.Unlock()
	if next >= 0 { // the consumer itself was here before
		return kgo.NewOffset().At(next), nil
	}
	if _, latest := retention(c.topic.name); latest {
		return kgo.NewOffset().AtEnd(), nil
	}
	all, err := c.bus.admin.FetchOffsets(ctx, c.bus.Prefix+c.group)
	if err != nil {
		return kgo.Offset{}, err
	}
	at := int64(-1)
	if o, known := all.Lookup(c.bus.Prefix+c.topic.name, 0); known {
		if o.Err != nil {
			return kgo.Offset{}, o.Err
		}
		at = o.At
	}
	noted, err := c.note.read()
	if err != nil {
		return kgo.Offset{}, err
	}
	if at = max(at, noted); at < 0 {
		return kgo.NewOffset().AtStart(), nil
	}
	return kgo.NewOffset().At(at), nil
}

// add hands messages to the receivers.
func (c *consumer) add(records []*kgo.Record) {
	if len(records) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range records {
		c.waiting = append(c.waiting, &delivery{c, r.Offset, r.Value})
		c.bytes += len(r.Value)
		c.held = append(c.held, r.Offset)
		c.next = r.Offset + 1
	}
	signal(c.ready)
}

// waitForRoom waits until the receivers have caught up, and says whether ctx goes on.
func (c *consumer) waitForRoom(ctx context.Context) bool {
	for {
		c.mu.Lock()
		full := len(c.waiting) >= maxWaiting || c.bytes >= maxWaitingBytes
		c.mu.Unlock()
		if !full {
			return ctx.Err() == nil
		}
		select {
		case <-c.room:
		case <-ctx.Done():
			return false
		}
	}
}

func (c *consumer) receive(ctx context.Context) (bus.Delivery, error) {
	for {
		if c.bus.ctx.Err() != nil {
			return nil, bus.ErrClosed
		}
		if d := c.take(); d != nil {
			return d, nil
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.bus.ctx.Done():
			return nil, bus.ErrClosed
		}
	}
}

// take takes the first message that waits, and leaves word for other receivers when there are more.
func (c *consumer) take() *delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return nil
	}
	d := c.waiting[0]
	c.waiting[0] = nil
	c.waiting = c.waiting[1:]
	c.bytes -= len(d.value)
	if len(c.waiting) > 0 {
		signal(c.ready)
	}
	signal(c.room)
	return d
}

// A delivery is a message that one receiver holds.
type delivery struct {
	consumer *consumer
	offset   int64
	value    []byte
}

func (d *delivery) Message() bus.Message { return bus.Raw(d.value) }

// Ack notes that the message is done with: in the local file before it returns, in Kafka soon.
func (d *delivery) Ack() {
	c := d.consumer
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[d.offset] = true
	n := 0
	for n < len(c.held) && c.done[c.held[n]] {
		delete(c.done, c.held[n])
		c.position = c.held[n] + 1
		n++
	}
	c.held = c.held[n:]
	if n == 0 {
		return
	}
	if err := c.note.write(c.position); err != nil {
		c.bus.Log.Error("the position of a topic cannot be noted: messages may come twice after a crash", "topic", c.topic.name, "error", err)
	}
}

// Nack puts the message before all others.
func (d *delivery) Nack() {
	c := d.consumer
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append([]*delivery{d}, c.waiting...)
	c.bytes += len(d.value)
	signal(c.ready)
}

// commits commits the position, now and then, until ctx ends.
func (c *consumer) commits(ctx context.Context) {
	turn := time.NewTicker(commitEvery)
	defer turn.Stop()
	for {
		select {
		case <-turn.C:
			if err := c.commit(ctx); err != nil && ctx.Err() == nil {
				c.bus.Log.Warn("the position of a topic cannot be committed, trying again", "topic", c.topic.name, "error", err)
				c.pause(ctx)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (c *consumer) commit(ctx context.Context) error {
	c.mu.Lock()
	position := c.position
	due := position != c.committed
	c.mu.Unlock()
	if !due {
		return nil
	}
	var at kadm.Offsets
	at.AddOffset(c.bus.Prefix+c.topic.name, 0, position, -1)
	answer, err := c.bus.admin.CommitOffsets(ctx, c.bus.Prefix+c.group, at)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.committed = position
	c.mu.Unlock()
	return nil
}

// close ends what the bus's end has ended, and commits once more.
func (c *consumer) close() error {
	<-c.ended
	ctx, cancel := context.WithTimeout(context.Background(), commitPatience)
	defer cancel()
	err := c.commit(ctx)
	if err != nil && c.note.file != nil {
		c.bus.Log.Warn("the last position of a topic is in the local note alone", "topic", c.topic.name, "error", err)
		err = nil
	}
	return errors.Join(err, c.note.close())
}
