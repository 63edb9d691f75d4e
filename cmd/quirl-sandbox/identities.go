//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"
)

const (
	// firstID starts a range that neither distributions (subuid) nor systemd
	// give to anybody: 0x70000000 to 0x7ffdffff.
	firstID = 0x70000000
	// idsPerBox is enough for a user, a group and what an archive may name.
	idsPerBox     = 8192
	boxesPerBlock = 1024
	blocks        = 31
	boxUser       = 1001
	idLockFolder  = "/run/lock/quirl-ids"
)

// An idRange is the user and group ids of one box on the host.
type idRange struct {
	slot          int
	hostRootUser  int
	hostRootGroup int
	size          int64
}

// identities hands each living box a range of its own, so that no two boxes
// share a user, not even those of different launchers on one machine: each
// launcher locks blocks of ranges.
type identities struct {
	rootless bool

	mu    sync.Mutex
	free  []idRange
	locks []*os.File
}

func newIdentities(rootless bool) (*identities, error) {
	if rootless {
		return &identities{rootless: true}, nil
	}
	if err := os.MkdirAll(idLockFolder, 0o700); err != nil {
		return nil, fmt.Errorf("make lock folder: %w", err)
	}
	return &identities{}, nil
}

func (i *identities) take() (idRange, error) {
	if i.rootless {
		// An ordinary user has one id to give away: the own one.
		return idRange{hostRootUser: os.Geteuid(), hostRootGroup: os.Getegid(), size: 1}, nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.free) == 0 {
		if err := i.grow(); err != nil {
			return idRange{}, err
		}
	}
	r := i.free[0]
	i.free = i.free[1:]
	return r, nil
}

func (i *identities) giveBack(r idRange) {
	if i.rootless {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free = append(i.free, r)
}

// grow locks one more block.
func (i *identities) grow() error {
	for block := range blocks {
		f, err := os.OpenFile(filepath.Join(idLockFolder, fmt.Sprint(block)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return fmt.Errorf("lock user ids: %w", err)
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != nil {
			f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				continue // another launcher's, or ours already
			}
			return fmt.Errorf("lock user ids: %w", err)
		}
		i.locks = append(i.locks, f)
		for slot := range boxesPerBlock {
			number := block*boxesPerBlock + slot
			first := firstID + number*idsPerBox
			i.free = append(i.free, idRange{slot: number, hostRootUser: first, hostRootGroup: first, size: idsPerBox})
		}
		return nil
	}
	return fmt.Errorf("no user ids left for another box; remove some of the %d", blocks*boxesPerBlock)
}

func (i *identities) close() {
	for _, f := range i.locks {
		f.Close()
	}
}

func (r idRange) mappings(first int) []configs.IDMap {
	return []configs.IDMap{{ContainerID: 0, HostID: int64(first), Size: r.size}}
}

// user is who the program runs as inside: with a single id that is 0, which
// without capabilities is a user like any other.
func (r idRange) user() int {
	if r.size == 1 {
		return 0
	}
	return boxUser
}

func (r idRange) hostUser() int  { return r.hostRootUser + r.user() }
func (r idRange) hostGroup() int { return r.hostRootGroup + r.user() }
