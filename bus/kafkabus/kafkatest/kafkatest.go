// Package kafkatest starts Kafka brokers for tests, by tools/real/kafka.
//
// A broker is apart from any other of the machine, and ends with the test program. Where
// there can be none, tests skip with the reason; under CI=true they fail instead.
package kafkatest

import (
	"testing"

	"quirl/internal/realtest"
)

var shared = realtest.One[*realtest.Server]{Name: "a Kafka broker", New: New}

// Start returns the broker, whose URL has the scheme kafka, of this test program, which is started when it is wanted for
// the first time. realtest.Main stops it.
func Start(t testing.TB) *realtest.Server {
	t.Helper()
	return shared.Start(t)
}

// New starts one. Remove ends it.
func New() (*realtest.Server, error) { return realtest.NewServer("kafka") }
