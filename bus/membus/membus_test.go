package membus_test

import (
	"testing"

	"quirl/bus"
	"quirl/bus/bustest"
	"quirl/bus/membus"
)

func TestBus(t *testing.T) {
	bustest.Run(t, 100, func(*testing.T) bus.Bus { return membus.New(100) })
}
