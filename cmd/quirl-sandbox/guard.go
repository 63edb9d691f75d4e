//go:build linux && cgo

package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// guard closes the network of the box it runs in: an output chain that drops
// link-local, metadata and the host's addresses. The box's program has no
// capability, so it cannot take the chain away.
func guard(addresses string) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "quirl-guard"})
	chain := c.AddChain(&nftables.Chain{
		Name: "out", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter,
	})
	// pasta gives the box the address of the host, so what looks like the host's
	// may be the box's own.
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(matchName(expr.MetaKeyOIFNAME, "lo"), accept()...)})
	closed := forbidden[:len(forbidden):len(forbidden)]
	for a := range strings.SplitSeq(addresses, ",") {
		if addr, err := netip.ParseAddr(a); err == nil {
			closed = append(closed, netip.PrefixFrom(addr, 32))
		}
	}
	for _, p := range closed {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(toNetwork(p), drop()...)})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	return nil
}
