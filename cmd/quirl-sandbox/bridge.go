//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	bridgePrefix = "quirl"
	// bridgeBits makes a bridge's subnet as large as a bridge: the kernel gives
	// it 1023 ports, a /22 has 1022 addresses.
	bridgeBits  = 22
	maxBridges  = 64
	routerMTU   = 1500
	ethName     = "eth0"
	aliasPrefix = "quirl instance "
)

// bridges is the network "nat": veth pairs from each box to a bridge, and from
// there by masquerading to wherever the host gets. Each instance has bridges,
// a subnet and a firewall table of its own, so instances need not know of each
// other; a name on a bridge (its alias) tells whose it is.
type bridges struct {
	instance    string
	blocked     []netip.Prefix
	nameservers []netip.Addr

	mu  sync.Mutex
	all []*bridge
}

// A bridge is one of them, with the addresses it has to give.
type bridge struct {
	link   *netlink.Bridge
	subnet netip.Prefix
	used   map[netip.Addr]bool
	next   netip.Addr
}

func newBridges(instance string, blocked, nameservers []string) (*bridges, error) {
	b := &bridges{instance: instance}
	for _, p := range blocked {
		prefix, err := netip.ParsePrefix(p)
		if err != nil || !prefix.Addr().Is4() {
			return nil, fmt.Errorf("blocked network %q: want an IPv4 prefix such as 10.0.0.0/8", p)
		}
		b.blocked = append(b.blocked, prefix.Masked())
	}
	for _, n := range nameservers {
		if a, err := netip.ParseAddr(n); err == nil && a.Is4() {
			b.nameservers = append(b.nameservers, a)
		}
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return nil, fmt.Errorf("enable ip forwarding: %w", err)
	}
	if err := b.grow(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bridges) kind() string { return "nat" }

// grow adds a bridge and opens the firewall for it.
func (b *bridges) grow() error {
	added, err := addBridge(b.instance)
	if err != nil {
		return fmt.Errorf("make bridge: %w", err)
	}
	b.all = append(b.all, added)
	var names []string
	var subnets []netip.Prefix
	for _, br := range b.all {
		names = append(names, br.link.Name)
		subnets = append(subnets, br.subnet)
	}
	if err := setFirewall(firewall{b.instance, names, subnets, b.blocked, b.nameservers}); err != nil {
		return fmt.Errorf("set firewall: %w", err)
	}
	if err := letThroughDocker(b.instance, names); err != nil {
		return fmt.Errorf("let bridge through the host's firewall: %w", err)
	}
	return nil
}

// addBridge takes the first number whose name and subnet are both free. The
// kernel decides who gets a name, so launchers need no lock between them.
func addBridge(instance string) (*bridge, error) {
	for number := range maxBridges {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = fmt.Sprintf("%s%d", bridgePrefix, number)
		attrs.MTU = routerMTU
		link := &netlink.Bridge{LinkAttrs: attrs}
		err := netlink.LinkAdd(link)
		if errors.Is(err, unix.EEXIST) {
			continue
		}
		if err != nil {
			return nil, err
		}
		subnet := subnetOf(number)
		err = netlink.LinkSetAlias(link, aliasPrefix+instance)
		if err == nil {
			var taken bool
			if taken, err = isTaken(subnet); taken {
				if err := netlink.LinkDel(link); err != nil {
					return nil, err
				}
				continue
			}
		}
		if err == nil {
			err = setUpBridge(link, subnet)
		}
		if err != nil {
			return nil, errors.Join(err, netlink.LinkDel(link))
		}
		return &bridge{link: link, subnet: subnet, used: make(map[netip.Addr]bool), next: router(subnet).Next()}, nil
	}
	return nil, fmt.Errorf("all %d names or subnets are taken; remove unused bridges %s*", maxBridges, bridgePrefix)
}

func setUpBridge(link *netlink.Bridge, subnet netip.Prefix) error {
	ipv6 := filepath.Join("/proc/sys/net/ipv6/conf", link.Name, "disable_ipv6")
	if err := ignoreMissing(os.WriteFile(ipv6, []byte("1"), 0)); err != nil {
		return err
	}
	address := &net.IPNet{IP: router(subnet).AsSlice(), Mask: net.CIDRMask(bridgeBits, 32)}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: address}); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// subnetOf spreads the bridges over 10.88.0.0/16, then 172.30.0.0/16 and
// 10.213.0.0/16 from other corners of the private ranges.
func subnetOf(number int) netip.Prefix {
	corners := [][2]byte{{10, 88}, {172, 30}, {10, 213}, {192, 168}}
	corner := corners[number%len(corners)]
	third := byte(number/len(corners)) * 4
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{corner[0], corner[1], third, 0}), bridgeBits)
}

func router(subnet netip.Prefix) netip.Addr { return subnet.Addr().Next() }

// isTaken says whether the host reaches something else in subnet: an address
// of its own or a route that is not the default.
func isTaken(subnet netip.Prefix) (bool, error) {
	routes, err := undisturbed(func() ([]netlink.Route, error) { return netlink.RouteList(nil, unix.AF_INET) })
	if err != nil {
		return false, err
	}
	for _, r := range routes {
		if r.Dst == nil || overlapsDefault(r.Dst) {
			continue
		}
		if overlaps(subnet, r.Dst) {
			return true, nil
		}
	}
	addresses, err := undisturbed(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, unix.AF_INET) })
	if err != nil {
		return false, err
	}
	for _, a := range addresses {
		if overlaps(subnet, a.IPNet) {
			return true, nil
		}
	}
	return false, nil
}

// undisturbed repeats a listing during which something changed, for example
// because another instance starts at the same time; the kernel says so.
func undisturbed[T any](list func() ([]T, error)) (all []T, err error) {
	const tries = 50
	for range tries {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
	return all, err
}

func overlapsDefault(n *net.IPNet) bool {
	ones, _ := n.Mask.Size()
	return ones == 0
}

func overlaps(subnet netip.Prefix, n *net.IPNet) bool {
	addr, ok := netip.AddrFromSlice(n.IP.To4())
	if !ok {
		return false
	}
	ones, _ := n.Mask.Size()
	return subnet.Overlaps(netip.PrefixFrom(addr, ones))
}

// A vethLink is one box's cable.
type vethLink struct {
	of   *bridges
	at   *bridge
	ip   netip.Addr
	host string
}

func (b *bridges) attach(box string, pid int) (link, error) {
	at, ip, err := b.lease()
	if err != nil {
		return nil, err
	}
	l := &vethLink{of: b, at: at, ip: ip, host: vethName(b.instance, box)}
	if err := l.plug(pid); err != nil {
		return nil, errors.Join(err, l.detach())
	}
	return l, nil
}

// lease takes an address, from a new bridge when all are full. It goes round,
// so that an address rests as long as possible before it is another box's.
func (b *bridges) lease() (*bridge, netip.Addr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for _, at := range b.all {
			if ip, ok := at.lease(); ok {
				return at, ip, nil
			}
		}
		if err := b.grow(); err != nil {
			return nil, netip.Addr{}, err
		}
	}
}

func (br *bridge) lease() (netip.Addr, bool) {
	const size = 1 << (32 - bridgeBits)
	// Three addresses are not for boxes: network, router and broadcast.
	if len(br.used) >= size-3 {
		return netip.Addr{}, false
	}
	for {
		ip := br.next
		br.next = ip.Next()
		if !br.subnet.Contains(br.next.Next()) { // the next would be the broadcast address
			br.next = router(br.subnet).Next()
		}
		if !br.used[ip] {
			br.used[ip] = true
			return ip, true
		}
	}
}

// vethName is unique on the machine: interfaces have 15 letters, and boxes of
// several instances may have the same name.
func vethName(instance, box string) string {
	h := fnv.New64a()
	h.Write([]byte(instance + "/" + box))
	return fmt.Sprintf("qv%012x", h.Sum64()&0xffffffffffff)
}

func (l *vethLink) plug(pid int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = l.host
	attrs.MTU = routerMTU
	attrs.MasterIndex = l.at.link.Index
	attrs.Alias = aliasPrefix + l.of.instance
	mac := macOf(l.ip)
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: ethName, PeerHardwareAddr: mac, PeerNamespace: netlink.NsPid(pid)}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("add veth: %w", err)
	}
	// Isolated ports reach the bridge itself but not each other.
	if err := netlink.LinkSetIsolated(veth, true); err != nil {
		return fmt.Errorf("isolate port: %w", err)
	}
	if err := l.setUpInside(pid); err != nil {
		return fmt.Errorf("set up %s: %w", ethName, err)
	}
	return netlink.LinkSetUp(veth)
}

func (l *vethLink) setUpInside(pid int) error {
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return err
	}
	defer ns.Close()
	inside, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer inside.Close()
	eth, err := inside.LinkByName(ethName)
	if err != nil {
		return err
	}
	address := &net.IPNet{IP: l.ip.AsSlice(), Mask: net.CIDRMask(bridgeBits, 32)}
	if err := inside.AddrAdd(eth, &netlink.Addr{IPNet: address}); err != nil {
		return err
	}
	if err := inside.LinkSetUp(eth); err != nil {
		return err
	}
	return inside.RouteAdd(&netlink.Route{LinkIndex: eth.Attrs().Index, Gw: router(l.at.subnet).AsSlice()})
}

// macOf gives an address always the same hardware address, so that a neighbour
// entry the host still has for a former box is not wrong.
func macOf(ip netip.Addr) net.HardwareAddr {
	a := ip.As4()
	return net.HardwareAddr{0x02, 0x71, a[0], a[1], a[2], a[3]}
}

func (l *vethLink) address() string { return l.ip.String() }

func (l *vethLink) detach() error {
	if err := deleteLink(l.host); err != nil {
		return err
	}
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	delete(l.at.used, l.ip)
	return nil
}

// deleteLink removes an interface that may be gone already, as a veth is as
// soon as the kernel has torn down its box's namespace.
func deleteLink(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

func (b *bridges) close() error {
	return errors.Join(removeFirewall(b.instance), removeLinks(b.instance))
}

// removeLinks removes all interfaces that carry the instance's alias.
func removeLinks(instance string) error {
	links, err := undisturbed(netlink.LinkList)
	if err != nil {
		return fmt.Errorf("list interfaces: %w", err)
	}
	var problems []error
	for _, l := range links {
		a := l.Attrs()
		ours := strings.HasPrefix(a.Name, bridgePrefix) || strings.HasPrefix(a.Name, "qv")
		if ours && a.Alias == aliasPrefix+instance {
			problems = append(problems, deleteLink(a.Name))
		}
	}
	return errors.Join(problems...)
}
