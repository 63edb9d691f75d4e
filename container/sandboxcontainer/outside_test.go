//go:build linux

package sandboxcontainer_test

import (
	"net"
	"runtime"
	"testing"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"quirl/container/sandboxcontainer"
)

const (
	outsideAddress  = "198.51.100.2" // of documentation, so nobody's
	metadataAddress = "169.254.169.254"
	outsidePort     = 8099
)

// outside is another machine: a network namespace behind a cable, with a server
// on an ordinary address and on that of clouds' metadata.
func outside(t *testing.T) {
	t.Helper()
	needRoot(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	host, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	there, err := netns.New() // and this thread is in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close() })
	listener, err := net.Listen("tcp4", "0.0.0.0:8099")
	if back := netns.Set(host); back != nil {
		panic(back) // this thread must not go on
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go greet(listener)

	attrs := netlink.NewLinkAttrs()
	attrs.Name = "qtoutside"
	cable := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(there))}
	must(t, netlink.LinkAdd(cable))
	t.Cleanup(func() { netlink.LinkDel(cable) })
	must(t, netlink.AddrAdd(cable, address(t, "198.51.100.1/24")))
	must(t, netlink.LinkSetUp(cable))
	inside, err := netlink.NewHandleAt(there)
	must(t, err)
	defer inside.Close()
	eth, err := inside.LinkByName("eth0")
	must(t, err)
	must(t, inside.AddrAdd(eth, address(t, outsideAddress+"/24")))
	must(t, inside.AddrAdd(eth, address(t, metadataAddress+"/32")))
	must(t, inside.LinkSetUp(eth))
	must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: cable.Index, Dst: address(t, metadataAddress+"/32").IPNet}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func address(t *testing.T, text string) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(text)
	must(t, err)
	return a
}

const outsideScript = `
control("reaches the outside", connect("198.51.100.2", 8099, 10) == b"hello")
attempt("metadata", connect, "169.254.169.254", 8099)
attempt("the host's outer address", connect, "198.51.100.1", 8099)
`

func TestNetworkNAT(t *testing.T) {
	needRoot(t)
	f := factory(t)
	outside(t)
	if got := greeting(t, metadataAddress, outsidePort); got != "hello" {
		t.Fatalf("the host itself reads %q from %s", got, metadataAddress)
	}
	expectBlocked(t, run(t, f, probeSpec("nat", outsideScript)))
}

// TestNetworkBesideDocker has a chain as Docker makes it, which drops all that
// nobody accepts.
func TestNetworkBesideDocker(t *testing.T) {
	needRoot(t)
	launcher(t)
	c, err := nftables.New()
	must(t, err)
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyIPv4)
	must(t, err)
	for _, table := range tables {
		if table.Name == "filter" {
			t.Skip("this machine has such a table of its own")
		}
	}
	drop := nftables.ChainPolicyDrop
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "filter"})
	forward := c.AddChain(&nftables.Chain{
		Name: "FORWARD", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter, Policy: &drop,
	})
	must(t, c.Flush())
	t.Cleanup(func() {
		c.DelTable(table)
		if err := c.Flush(); err != nil {
			t.Error(err)
		}
	})
	outside(t)
	var instance string
	f := factory(t, func(c *sandboxcontainer.Config) { instance = c.Instance })
	expectBlocked(t, run(t, f, probeSpec("docker", outsideScript)))
	ours := func() (n int) {
		rules, err := c.GetRules(table, forward)
		must(t, err)
		for _, r := range rules {
			if string(r.UserData) == "quirl instance "+instance {
				n++
			}
		}
		return n
	}
	if got := ours(); got != 2 {
		t.Errorf("%d rules in the chain of others, want 2", got)
	}
	must(t, f.Close())
	if got := ours(); got != 0 {
		t.Errorf("%d rules left in the chain of others", got)
	}
}
