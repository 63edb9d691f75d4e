package localbalancer_test

import (
	"testing"

	"quirl/balancer"
	"quirl/balancer/balancertest"
	"quirl/balancer/localbalancer"
)

func TestBalancer(t *testing.T) {
	balancertest.Run(t, 1, func(*testing.T) balancer.Balancer { return localbalancer.Balancer{} })
}
