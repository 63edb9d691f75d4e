package pool

import (
	"container/list"
	"time"
)

// remembered is how many actions without containers the pool remembers.
const remembered = 10_000

// An action is what the pool knows of one over all of its revisions.
type action struct {
	id       Action
	homes    int
	live     int    // initialized containers
	busy     int    // of them those in use
	revision string // of the newest container
	gone     Reason // why the last container went
	asleep   *list.Element

	// The call that is expected, if one is:
	mould mould
	ahead time.Time // when a stem cell is made for it; zero when none is to be made
	until time.Time // when that is given up
	cell  *cell     // the stem cell
	alarm alarm
}

// A home is the containers of one key.
type home struct {
	key    Key
	action *action
	live   int // initialized containers
	coming int // containers being started for its jobs
	room   row // those that can take a job, the last used one last
}

func (k Key) of() Action { return Action{k.Namespace, k.Action} }

// homeOf returns the home of key, a new one if there is none.
func (p *Pool) homeOf(key Key) *home {
	h := p.homes[key]
	if h != nil {
		return h
	}
	a := p.actions[key.of()]
	if a == nil {
		a = &action{id: key.of()}
		a.alarm.wakes = a
		p.actions[a.id] = a
	}
	if a.homes++; a.asleep != nil {
		p.asleep.Remove(a.asleep)
		a.asleep = nil
	}
	h = &home{key: key, action: a}
	p.homes[key] = h
	return h
}

// settle forgets a home that has become empty. Of its action the pool remembers
// why the last container went.
func (p *Pool) settle(h *home) {
	if h.live > 0 || h.coming > 0 || p.homes[h.key] != h {
		return
	}
	delete(p.homes, h.key)
	if h.action.homes--; h.action.homes == 0 {
		h.action.asleep = p.asleep.PushBack(h.action)
		p.forgetActions()
	}
}

// forgetActions forgets what is without containers for longest, when that is
// more than may be remembered.
func (p *Pool) forgetActions() {
	for e := p.asleep.Front(); e != nil && p.asleep.Len() > remembered; {
		a, next := e.Value.(*action), e.Next()
		if a.cell == nil {
			p.asleep.Remove(e)
			p.alarms.cancel(&a.alarm)
			delete(p.actions, a.id)
		}
		e = next
	}
}

// whyNotWarm says why a job that has just come finds no warm container.
func (p *Pool) whyNotWarm(key Key) Reason {
	h, a := p.homes[key], p.actions[key.of()]
	switch {
	case h != nil || p.waiting.of(key) > 0:
		return ScaledOut
	case a == nil || a.revision == "":
		return FirstUse
	case a.revision != key.Revision:
		return NewRevision
	}
	return a.gone
}
