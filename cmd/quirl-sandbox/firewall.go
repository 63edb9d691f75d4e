//go:build linux && cgo

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A firewall is the network policy of one instance.
type firewall struct {
	instance    string
	bridges     []string
	subnets     []netip.Prefix
	blocked     []netip.Prefix
	nameservers []netip.Addr
}

// forbidden is never reachable from a box: link-local, where clouds keep the
// metadata of their machines, and the metadata addresses elsewhere.
var forbidden = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
}

func tableName(instance string) string { return "quirl-" + instance }

// setFirewall replaces the instance's table in one transaction.
func setFirewall(f firewall) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	table := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: tableName(f.instance)}
	c.AddTable(table) // so that deleting it cannot fail
	c.DelTable(table)
	c.AddTable(table)
	add := func(chain *nftables.Chain, matches ...[]expr.Any) {
		var all []expr.Any
		for _, m := range matches {
			all = append(all, m...)
		}
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: all})
	}
	hook := func(name string, kind nftables.ChainType, hook *nftables.ChainHook, priority nftables.ChainPriority) *nftables.Chain {
		return c.AddChain(&nftables.Chain{Name: name, Table: table, Type: kind, Hooknum: hook, Priority: &priority})
	}

	// Before any address translation: what a port published by Docker on the
	// host's address would turn into something harmless is dropped here.
	from := hook("from-box", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, -190)
	// Last on the way to the host itself, whatever other tables accept.
	input := hook("to-host", nftables.ChainTypeFilter, nftables.ChainHookInput, -10)
	forward := hook("through", nftables.ChainTypeFilter, nftables.ChainHookForward, -10)
	after := hook("out", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, *nftables.ChainPriorityNATSource)

	for i, bridge := range f.bridges {
		incoming, outgoing := matchName(expr.MetaKeyIIFNAME, bridge), matchName(expr.MetaKeyOIFNAME, bridge)
		// Answers to what a box may do pass; only boxes begin conversations.
		add(from, incoming, notFrom(f.subnets[i]), drop())
		for _, n := range f.nameservers {
			for _, protocol := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
				add(from, incoming, toNetwork(netip.PrefixFrom(n, 32)), toPort(protocol, 53), accept())
				add(input, incoming, toNetwork(netip.PrefixFrom(n, 32)), toPort(protocol, 53), accept())
			}
		}
		add(from, incoming, toLocal(), drop())
		for _, p := range append(forbidden[:len(forbidden):len(forbidden)], f.blocked...) {
			add(from, incoming, toNetwork(p), drop())
		}
		add(input, incoming, drop())
		// Other boxes, of whatever instance: all bridges begin with the same letters.
		add(forward, incoming, matchPrefix(expr.MetaKeyOIFNAME, bridgePrefix), drop())
		add(forward, outgoing, established(), accept())
		add(forward, outgoing, drop())
		add(after, fromNetwork(f.subnets[i]), notName(expr.MetaKeyOIFNAME, bridge), []expr.Any{&expr.Masq{}})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("write nftables table %s: %w", table.Name, err)
	}
	return nil
}

// removeFirewall removes what setFirewall and letThroughDocker added.
func removeFirewall(instance string) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return fmt.Errorf("list nftables: %w", err)
	}
	for _, t := range tables {
		if t.Name == tableName(instance) {
			c.DelTable(t)
		}
	}
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove nftables table: %w", err)
	}
	return forgetDocker(instance)
}

func drop() []expr.Any   { return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}} }
func accept() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}} }

func matchName(key expr.MetaKey, name string) []expr.Any {
	return compareName(key, expr.CmpOpEq, name)
}

func notName(key expr.MetaKey, name string) []expr.Any {
	return compareName(key, expr.CmpOpNeq, name)
}

func compareName(key expr.MetaKey, op expr.CmpOp, name string) []expr.Any {
	padded := make([]byte, unix.IFNAMSIZ)
	copy(padded, name)
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: op, Register: 1, Data: padded}}
}

func matchPrefix(key expr.MetaKey, prefix string) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte(prefix)}}
}

const (
	sourceOffset      = 12 // in the IPv4 header
	destinationOffset = 16
)

func toNetwork(p netip.Prefix) []expr.Any   { return inNetwork(destinationOffset, p, expr.CmpOpEq) }
func fromNetwork(p netip.Prefix) []expr.Any { return inNetwork(sourceOffset, p, expr.CmpOpEq) }
func notFrom(p netip.Prefix) []expr.Any     { return inNetwork(sourceOffset, p, expr.CmpOpNeq) }

func inNetwork(offset uint32, p netip.Prefix, op expr.CmpOp) []expr.Any {
	mask := binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-p.Bits()))
	if p.Bits() == 0 {
		mask = make([]byte, 4)
	}
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: op, Register: 1, Data: p.Masked().Addr().AsSlice()},
	}
}

func toPort(protocol byte, port uint16) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(port)},
	}
}

// toLocal matches every address of the host, whichever interface has it.
func toLocal() []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
	}
}

func established() []expr.Any {
	return []expr.Any{
		&expr.Ct{Register: 1, Key: expr.CtKeySTATE},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}
