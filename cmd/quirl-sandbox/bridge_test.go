//go:build linux && cgo

package main

import (
	"net/netip"
	"testing"
)

func TestSubnets(t *testing.T) {
	for i := range maxBridges {
		s := subnetOf(i)
		if !s.Addr().IsPrivate() || s.Masked() != s {
			t.Errorf("bridge %d has %s; want a private network", i, s)
		}
		for j := range i {
			if s.Overlaps(subnetOf(j)) {
				t.Errorf("bridges %d and %d share %s", i, j, s)
			}
		}
	}
}

func TestLease(t *testing.T) {
	subnet := subnetOf(0)
	b := &bridge{subnet: subnet, used: make(map[netip.Addr]bool), next: router(subnet).Next()}
	given := make(map[netip.Addr]bool)
	for {
		ip, ok := b.lease()
		if !ok {
			break
		}
		if given[ip] || !subnet.Contains(ip) || ip == router(subnet) || ip == subnet.Addr() || !subnet.Contains(ip.Next()) {
			t.Fatalf("lease %d is %s, which is not a fresh address of a box in %s", len(given), ip, subnet)
		}
		given[ip] = true
	}
	if len(given) < 1000 {
		t.Errorf("%d addresses, want at least 1000", len(given))
	}
	var any netip.Addr
	for any = range given {
		break
	}
	delete(b.used, any)
	if ip, ok := b.lease(); !ok || ip != any {
		t.Errorf("lease of a full bridge with one free: %s, %v; want %s", ip, ok, any)
	}
}
