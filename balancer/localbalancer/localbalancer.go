// Package localbalancer is the balancer where there is one invoker, in the same process.
//
// It promises to be no part of the cost of a call.
package localbalancer

import (
	"context"

	"quirl/balancer"
)

// Balancer places all work on invoker 0, whose pool queues and refuses.
type Balancer struct{}

var _ balancer.Balancer = Balancer{}

// Place is that of balancer.Balancer.
func (Balancer) Place(context.Context, balancer.Work) (int, error) { return 0, nil }

// Ended is that of balancer.Balancer.
func (Balancer) Ended(balancer.Work, int, balancer.Outcome) {}

// Invokers is that of balancer.Balancer. The one invoker is up as long as this
// process is.
func (Balancer) Invokers() []balancer.Invoker {
	return []balancer.Invoker{{Name: "invoker0/0", State: balancer.Up}}
}
