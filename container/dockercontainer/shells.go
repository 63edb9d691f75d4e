package dockercontainer

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"quirl/container"
)

// bootTime is how long the making of shells waits for a container to boot that was
// just started.
const bootTime = 2 * time.Second

// shells are containers that were started ahead, and whose programs wait at the
// gate, by what they are for. They are made one after the other, while nobody waits
// for a container.
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
	ready  []*box
	failed bool // until the next Prepare, or Create of the kind
	never  bool // the image lacks the program
}

// key is what two specs have in common that one shell can serve.
func key(spec container.Spec) string {
	spec.Name, spec.Memory, spec.CPUShares = "", 0, 0
	return fmt.Sprintf("%+v", spec)
}

// Prepare keeps n shells for containers like spec. Images that name their program
// themselves have none.
func (f *Factory) Prepare(spec container.Spec, n int) {
	if err := checkSpec(spec); err != nil {
		f.log.Warn("no containers are prepared for a bad spec", "kind", spec.Kind, "error", err)
		return
	}
	if len(spec.Command) == 0 {
		return
	}
	for _, b := range f.shells.resize(spec, n) {
		f.inBackground(func() { f.discard(b) })
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
func (s *shells) resize(spec container.Spec, n int) (tooMany []*box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key(spec)
	at := s.kinds[k]
	if at == nil {
		at = &shelf{spec: spec}
		s.kinds[k] = at
	}
	at.want, at.failed, at.never = n, false, false
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
func (s *shells) take(spec container.Spec) *box {
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
		b := at.ready[0]
		at.ready = at.ready[1:]
		if !b.isDone() {
			return b
		}
		// It found no program, or somebody killed it, or the engine was restarted.
		at.never = at.never || b.exit.Code == noProgram
		s.factory.inBackground(func() { s.factory.discard(b) })
	}
	return nil
}

// release lets a shell become the container of spec.
func (b *box) release(spec container.Spec) error {
	from := b.made.spec
	b.name, b.made.spec = spec.Name, spec
	b.limited = make(chan struct{})
	if _, err := io.WriteString(b.made.output.conn, "go\n"); err != nil {
		return fmt.Errorf("open the gate: %w", err)
	}
	b.factory.inBackground(func() { b.settle(from) })
	return nil
}

// settle makes the limits those of the spec while the program boots; Dial waits for
// that. The name follows, for people only.
func (b *box) settle(from container.Spec) {
	f, spec := b.factory, b.made.spec
	if from.Memory != spec.Memory || from.CPUShares != spec.CPUShares {
		limits := resources(spec)
		limits.Ulimits = nil // cannot be changed, and need not be
		if _, err := f.engine.ContainerUpdate(f.ctx, b.made.id, client.ContainerUpdateOptions{Resources: &limits}); err != nil {
			if !b.isDone() {
				f.log.Error("limits cannot be set", "container", spec.Name, "error", err)
			}
			f.discard(b) // it must not live with those of another
			return
		}
	}
	close(b.limited)
	_, err := f.engine.ContainerRename(f.ctx, b.made.id, client.ContainerRenameOptions{NewName: f.config.prefix() + spec.Name})
	if err != nil && !b.isDone() {
		f.log.Debug("container keeps the name it was made with", "container", spec.Name, "error", err)
	}
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
			if len(at.ready) < at.want && !at.failed && !at.never {
				s.serial++
				return at.spec, fmt.Sprintf("shell_%d", s.serial), true
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
			b, err := s.factory.launch(spec, name, gated)
			s.put(spec, b, err)
		}
	}()
}

// put shelves a shell, or notes that there can be none.
func (s *shells) put(spec container.Spec, b *box, err error) {
	f := s.factory
	s.mu.Lock()
	at := s.kinds[key(spec)]
	wanted := at != nil && len(at.ready) < at.want
	switch {
	case at != nil && err != nil:
		at.failed = true
	case wanted:
		at.ready = append(at.ready, b)
	}
	s.mu.Unlock()
	if err != nil {
		f.log.Warn("no shell can be made", "kind", spec.Kind, "error", err)
	} else if !wanted {
		f.discard(b)
	}
}

// drop removes all shells, for good.
func (s *shells) drop() {
	s.mu.Lock()
	var all []*box
	for _, at := range s.kinds {
		all = append(all, at.ready...)
	}
	s.kinds = map[string]*shelf{}
	s.mu.Unlock()
	for _, b := range all {
		s.factory.discard(b)
	}
}
