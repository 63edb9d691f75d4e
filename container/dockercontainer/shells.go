package dockercontainer

import (
	"fmt"
	"sync"
	"time"

	"quirl/container"
)

// bootTime is how long the making of shells waits for a container to boot that was
// just started.
const bootTime = 2 * time.Second

// shells are containers that were made ahead, by what they are for. They are made
// one after the other, while nobody waits for a container.
type shells struct {
	factory *Factory

	mu      sync.Mutex
	kinds   map[string]*shelf
	waiting int       // Creates under way
	started time.Time // of a container that may still boot
	making  bool
	serial  int
}

// A shelf holds the shells of one kind.
type shelf struct {
	spec   container.Spec
	want   int
	ready  []*shell
	failed bool // until the next Prepare, or Create of the kind
}

// key is what two specs have in common that one shell can serve.
func key(spec container.Spec) string {
	spec.Name, spec.Memory, spec.CPUShares = "", 0, 0
	return fmt.Sprintf("%+v", spec)
}

// Prepare keeps n containers like spec made and not started.
func (f *Factory) Prepare(spec container.Spec, n int) {
	if err := checkSpec(spec); err != nil {
		f.log.Warn("no containers are prepared for a bad spec", "kind", spec.Kind, "error", err)
		return
	}
	for _, s := range f.shells.resize(spec, n) {
		f.inBackground(func() { f.dropShell(s) })
	}
	f.shells.refill()
}

// inBackground does work that Close waits for.
func (f *Factory) inBackground(do func()) {
	counted := f.begin()
	go func() {
		if counted {
			defer f.work.Done()
		}
		do()
	}()
}

// resize sets how many shells are wanted and returns those that are too many.
func (s *shells) resize(spec container.Spec, n int) (tooMany []*shell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key(spec)
	at := s.kinds[k]
	if at == nil {
		at = &shelf{spec: spec}
		s.kinds[k] = at
	}
	at.want, at.failed = n, false
	for len(at.ready) > n {
		tooMany = append(tooMany, at.ready[len(at.ready)-1])
		at.ready = at.ready[:len(at.ready)-1]
	}
	if n == 0 {
		delete(s.kinds, k)
	}
	return tooMany
}

// take returns a shell for spec, or nil. An image that may have changed is not
// taken from before.
func (s *shells) take(spec container.Spec) *shell {
	if spec.Pull == container.PullAlways || spec.Pull == container.PullIfPossible {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.kinds[key(spec)]
	if at == nil {
		return nil
	}
	at.failed = false
	for len(at.ready) > 0 {
		taken := at.ready[0]
		at.ready = at.ready[1:]
		if !taken.output.isOver() { // the engine was not restarted meanwhile
			return taken
		}
		s.factory.inBackground(func() { s.factory.dropShell(taken) })
	}
	return nil
}

// enter and leave bracket a Create, which shells make way for.
func (s *shells) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting++
}

func (s *shells) leave() {
	s.mu.Lock()
	s.waiting--
	s.started = time.Now()
	s.mu.Unlock()
	time.AfterFunc(bootTime, s.refill)
}

// booted says that what was started answers.
func (s *shells) booted() {
	s.mu.Lock()
	waited := !s.started.IsZero()
	s.started = time.Time{}
	s.mu.Unlock()
	if waited {
		s.refill()
	}
}

// next chooses what is to be made, if it is time to make anything.
func (s *shells) next() (container.Spec, string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	booting := !s.started.IsZero() && time.Since(s.started) < bootTime
	if s.waiting == 0 && !booting {
		for _, at := range s.kinds {
			if len(at.ready) < at.want && !at.failed {
				s.serial++
				return at.spec, fmt.Sprintf("%sshell_%d", s.factory.config.prefix(), s.serial), true
			}
		}
	}
	s.making = false
	return container.Spec{}, "", false
}

// refill makes what is missing, unless that is going on.
func (s *shells) refill() {
	s.mu.Lock()
	making := s.making
	s.making = true
	s.mu.Unlock()
	if making || !s.factory.begin() { // a closed factory makes none any more
		return
	}
	go func() {
		defer s.factory.work.Done()
		for {
			spec, name, ok := s.next()
			if !ok {
				return
			}
			made, err := s.factory.newShell(spec, name)
			s.put(spec, made, err)
		}
	}()
}

// put shelves a shell, or notes that there can be none.
func (s *shells) put(spec container.Spec, made *shell, err error) {
	f := s.factory
	s.mu.Lock()
	at := s.kinds[key(spec)]
	wanted := at != nil && len(at.ready) < at.want
	switch {
	case at != nil && err != nil:
		at.failed = true
	case wanted:
		at.ready = append(at.ready, made)
	}
	s.mu.Unlock()
	if err != nil {
		f.log.Warn("no container can be prepared", "kind", spec.Kind, "error", err)
	} else if !wanted {
		f.dropShell(made)
	}
}

// drop removes all shells, for good.
func (s *shells) drop() {
	s.mu.Lock()
	var all []*shell
	for _, at := range s.kinds {
		all = append(all, at.ready...)
	}
	s.kinds = map[string]*shelf{}
	s.mu.Unlock()
	for _, one := range all {
		s.factory.dropShell(one)
	}
}
