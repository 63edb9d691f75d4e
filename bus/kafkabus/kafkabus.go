// Package kafkabus is the bus on Apache Kafka: messages survive the loss of any process, and
// topics and shapes are those of OpenWhisk, for an operator's tools.
//
// It promises what package bus promises. Send returns when the brokers have the message as often
// as the topic is to be kept (acks=all). A group's position is committed to Kafka some moments
// after Ack, and noted in a local file at once, so that a process that is killed and started again
// on the same folder gets nothing a second time; one that is started elsewhere may get the messages of
// the last moments again.
//
// A topic has one partition, so that its order is that of sending. Its consumers are assigned to it
// by themselves: no group has to be joined, so work begins at once, and a process that was
// stopped for a while goes on where it was. Two processes must not receive as the same group. What was
// sent to the topic health before somebody receives from it is of no interest, and is not received.
//
// Read topics.go, then this file, then consumer.go.
package kafkabus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"quirl/bus"
)

// Options are how a Bus reaches its brokers, and what it asks of them.
type Options struct {
	// Brokers are some of them, each host:port; they tell of the others.
	Brokers []string
	// Prefix begins the names of all topics and groups.
	Prefix string
	// Replicas is how many brokers keep each topic; -1 is what the brokers have for their default.
	Replicas int16
	// MaxMessage is the size of the largest message in bytes.
	MaxMessage int
	// Positions is a folder of the process's own where the groups' positions are noted, or empty.
	Positions string
	// Patience is how long Send waits for brokers that are away.
	Patience time.Duration
	// TLS is how to speak TLS, nil for not at all.
	TLS *tls.Config
	// User and Password authenticate, by Mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	User, Password, Mechanism string
	Log                       *slog.Logger
}

// defaults that a URL can change.
const (
	defaultPort       = "9092"
	defaultMechanism  = "SCRAM-SHA-512"
	defaultPatience   = 10 * time.Second
	defaultMaxMessage = 1<<20 + envelope
	// envelope is what a message has beside its payload at most, in bytes.
	// Source: OpenWhisk, the contract of its message bus.
	envelope = 6068
)

// Parse reads options from a URL like
//
//	kafka://user:password@host:9092/prefix?brokers=host2:9092,host3:9092&replicas=3
//
// whose scheme kafkas is for TLS, with the authorities of the file ca, or the system's, and, where the
// brokers want one, the client's certificate of the files cert and key; mechanism, max-message (bytes)
// and patience (a duration) are the other settings. An unknown setting is an error.
func Parse(u *url.URL) (Options, error) {
	o := Options{Brokers: []string{u.Host}, Prefix: strings.Trim(u.Path, "/"), Replicas: -1, MaxMessage: defaultMaxMessage, Patience: defaultPatience, Mechanism: defaultMechanism, Log: slog.New(slog.DiscardHandler)}
	if u.Host == "" {
		return o, errors.New("the URL of Kafka has no host")
	}
	o.User = u.User.Username()
	o.Password, _ = u.User.Password()
	var ca, cert, key string
	for name, values := range u.Query() {
		value := values[len(values)-1]
		var err error
		switch name {
		case "brokers":
			o.Brokers = append(o.Brokers, strings.Split(value, ",")...)
		case "replicas":
			var n int64
			n, err = strconv.ParseInt(value, 10, 16)
			o.Replicas = int16(n)
		case "max-message":
			o.MaxMessage, err = strconv.Atoi(value)
		case "patience":
			o.Patience, err = time.ParseDuration(value)
		case "mechanism":
			o.Mechanism = strings.ToUpper(value)
		case "ca":
			ca = value
		case "cert":
			cert = value
		case "key":
			key = value
		default:
			err = errors.New("there is no such setting")
		}
		if err != nil {
			return o, fmt.Errorf("setting %s of Kafka: %w", name, err)
		}
	}
	for i, b := range o.Brokers {
		if !strings.Contains(b, ":") {
			o.Brokers[i] = b + ":" + defaultPort
		}
	}
	secure := u.Scheme == "kafkas"
	if !secure && ca+cert+key != "" {
		return o, errors.New("certificates are for kafkas://, and the URL has the scheme " + u.Scheme)
	}
	if !slices.Contains([]string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, o.Mechanism) {
		return o, fmt.Errorf("there is no mechanism %s; there are PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512", o.Mechanism)
	}
	var err error
	if secure {
		o.TLS, err = tlsConfig(ca, cert, key)
	}
	return o, err
}

func tlsConfig(ca, cert, key string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("authorities of Kafka's brokers: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate in PEM", ca)
		}
	}
	if cert != "" {
		// Read at each connection, so that a renewed one needs no restart.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cert, key)
			return &pair, err
		}
		if _, err := c.GetClientCertificate(nil); err != nil {
			return nil, fmt.Errorf("certificate for Kafka: %w", err)
		}
	}
	return c, nil
}

// client makes one of the brokers'.
func (o *Options) client(more ...kgo.Opt) (*kgo.Client, error) {
	opts := append([]kgo.Opt{
		kgo.SeedBrokers(o.Brokers...),
		kgo.ClientID("quirl"),
		kgo.WithLogger(logger{o.Log}),
		kgo.RetryBackoffFn(func(tries int) time.Duration { return min(50*time.Millisecond<<min(tries, 10), maxBackoff) }),
		kgo.MetadataMinAge(100 * time.Millisecond),
	}, more...)
	if o.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(o.TLS))
	}
	if o.User != "" {
		switch o.Mechanism {
		case "PLAIN":
			opts = append(opts, kgo.SASL(plain.Auth{User: o.User, Pass: o.Password}.AsMechanism()))
		case "SCRAM-SHA-256":
			opts = append(opts, kgo.SASL(scram.Auth{User: o.User, Pass: o.Password}.AsSha256Mechanism()))
		default:
			opts = append(opts, kgo.SASL(scram.Auth{User: o.User, Pass: o.Password}.AsSha512Mechanism()))
		}
	}
	return kgo.NewClient(opts...)
}

const (
	// maxBackoff bounds how long a client waits before it tries brokers again.
	maxBackoff = 500 * time.Millisecond
	// maxUnsent and maxUnsentBytes bound what waits for brokers that are away or slow.
	maxUnsent      = 10_000
	maxUnsentBytes = 64 << 20
)

// A Bus is a bus on Kafka. Make one with Open.
type Bus struct {
	Options
	producer *kgo.Client
	admin    *kadm.Client
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc

	mu        sync.Mutex
	topics    map[string]*topic
	consumers map[[2]string]*consumer // by topic and group
	closed    bool
}

var _ bus.Bus = (*Bus)(nil)

// Open connects to the brokers; one of them must answer within Patience.
func Open(ctx context.Context, o Options) (*Bus, error) {
	producer, err := o.client(
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(int32(o.MaxMessage+batchOverhead)),
		kgo.MaxBufferedRecords(maxUnsent),
		kgo.MaxBufferedBytes(max(maxUnsentBytes, 2*o.MaxMessage)),
		kgo.RecordDeliveryTimeout(max(o.Patience, time.Second)), // the client takes no less
	)
	if err != nil {
		return nil, fmt.Errorf("client of Kafka: %w", err)
	}
	b := &Bus{Options: o, producer: producer, admin: kadm.NewClient(producer), topics: make(map[string]*topic), consumers: make(map[[2]string]*consumer)}
	b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	if err := producer.Ping(ctx); err != nil {
		b.cancel()
		producer.Close()
		return nil, fmt.Errorf("the brokers of Kafka at %s cannot be reached: %w", strings.Join(o.Brokers, ", "), err)
	}
	if o.Positions != "" {
		if err := os.MkdirAll(o.Positions, 0o700); err != nil {
			b.cancel()
			producer.Close()
			return nil, fmt.Errorf("folder for positions: %w", err)
		}
	}
	return b, nil
}

// Send is that of bus.Bus. Brokers that are away for longer than Patience are bus.ErrAway.
func (b *Bus) Send(ctx context.Context, name string, m bus.Message) error {
	value := m.Encode()
	if len(value) > b.MaxMessage {
		return fmt.Errorf("%w: %d bytes, at most %d", bus.ErrTooLarge, len(value), b.MaxMessage)
	}
	ctx, cancel := context.WithTimeout(ctx, b.Patience)
	defer cancel()
	t, err := b.topic(name)
	if err != nil {
		return err
	}
	if err := t.ready(ctx, b); err != nil {
		return b.explain(err)
	}
	sent := make(chan error, 1)
	b.producer.TryProduce(ctx, &kgo.Record{Topic: b.Prefix + name, Value: value}, func(_ *kgo.Record, err error) { sent <- err })
	select {
	case err = <-sent:
	case <-ctx.Done(): // the client gives up only what it knows not to have arrived
		err = ctx.Err()
	case <-b.ctx.Done():
		return bus.ErrClosed
	}
	return b.explain(err)
}

// explain says in the words of package bus what the client says.
func (b *Bus) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case b.ctx.Err() != nil, errors.Is(err, kgo.ErrClientClosed):
		return bus.ErrClosed
	case errors.Is(err, kgo.ErrMaxBuffered):
		return bus.ErrFull
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return fmt.Errorf("%w (%w)", bus.ErrTooLarge, err)
	case errors.Is(err, context.Canceled):
		return err
	}
	var refused *kerr.Error
	if errors.As(err, &refused) && !refused.Retriable {
		return err
	}
	return fmt.Errorf("%w (%w)", bus.ErrAway, err) // in one of many ways
}

// Receive is that of bus.Bus.
func (b *Bus) Receive(ctx context.Context, name, group string) (bus.Delivery, error) {
	c, err := b.consumer(name, group)
	if err != nil {
		return nil, err
	}
	return c.receive(ctx)
}

func (b *Bus) consumer(name, group string) (*consumer, error) {
	t, err := b.topic(name)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, bus.ErrClosed
	}
	key := [2]string{name, group}
	c := b.consumers[key]
	if c == nil {
		c = newConsumer(b, t, group)
		b.consumers[key] = c
	}
	return c, nil
}

// Close commits the groups' positions and releases the connections.
func (b *Bus) Close() error {
	b.mu.Lock()
	already := b.closed
	b.closed = true
	consumers := b.consumers
	b.mu.Unlock()
	if already {
		return nil
	}
	b.cancel()
	var errs []error
	for _, c := range consumers {
		errs = append(errs, c.close())
	}
	b.producer.Close()
	return errors.Join(errs...)
}
