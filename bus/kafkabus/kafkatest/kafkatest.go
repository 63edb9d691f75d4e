// Package kafkatest starts Kafka brokers for tests, by tools/real/kafka.
//
// A broker is apart from any other of the machine, and ends with the test program. Where
// there can be none, tests skip with the reason; under CI=true they fail instead.
package kafkatest

import (
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	"quirl/internal/realtest"
)

// A Broker is one of Kafka's; its URL has the scheme kafka.
type Broker struct{ *realtest.Server }

var shared = realtest.One[*Broker]{Name: "a Kafka broker", New: New}

// prefixes counts those that were given away.
var prefixes atomic.Int64

// Start returns the broker of this test program, which is started when it is wanted for
// the first time. realtest.Main stops it.
func Start(t testing.TB) *Broker {
	t.Helper()
	return shared.Start(t)
}

// New starts a broker. Remove ends it.
func New() (*Broker, error) {
	s, err := realtest.NewServer("kafka")
	return &Broker{s}, err
}

// Prefix returns a URL of the broker with a prefix that has no topics yet.
func (b *Broker) Prefix(t testing.TB) *url.URL {
	t.Helper()
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = fmt.Sprintf("/test%d-%d-", os.Getpid(), prefixes.Add(1))
	return u
}
