package pool

import (
	"slices"
	"strings"
	"time"
)

// A View is a picture of the pool for operators.
type View struct {
	Time time.Time `json:"time"`
	// Memory is the bound, Used what all containers have, StemMemory and Stems
	// likewise for stem cells alone; in MB.
	Memory     int `json:"memory"`
	Used       int `json:"used"`
	StemMemory int `json:"stemMemory"`
	Stems      int `json:"stems"`
	// States counts the containers by state.
	States     map[string]int `json:"states"`
	Containers []Container    `json:"containers"`
	Waiting    []Waiting      `json:"waiting"`
	Counters   Counters       `json:"counters"`
}

// A Container is one of a View.
type Container struct {
	ID    int    `json:"id"`
	State string `json:"state"`
	Kind  string `json:"kind"`
	Image string `json:"image,omitempty"`
	// Memory is in MB.
	Memory int `json:"memory"`
	// Namespace, Action and Revision are empty for stem cells.
	Namespace string `json:"namespace,omitempty"`
	Action    string `json:"action,omitempty"`
	Revision  string `json:"revision,omitempty"`
	// Expecting is the action whose call a stem cell was made for.
	Expecting string `json:"expecting,omitempty"`
	// Start says where the first job of its action got it from, and Reason why that
	// found no warm container.
	Start  string `json:"start,omitempty"`
	Reason Reason `json:"reason,omitempty"`
	// Made and Used are when it was made, and last given or done with a job.
	Made time.Time `json:"made"`
	Used time.Time `json:"used"`
	// Running and Served are its activations: those of now, and all.
	Running int `json:"running"`
	Served  int `json:"served"`
}

// Waiting is an action that has no container for some of its jobs.
type Waiting struct {
	Namespace string `json:"namespace"`
	Action    string `json:"action"`
	Jobs      int    `json:"jobs"`
}

// View returns a picture of the pool at now: containers in the order in which they
// were made, waiting actions by name.
func (p *Pool) View(now time.Time) View {
	v := View{
		Time: now, Memory: p.cfg.Memory, Used: p.used, StemMemory: p.cfg.StemMemory, Stems: p.stemMB,
		States:     make(map[string]int, len(stateNames)),
		Containers: make([]Container, 0, len(p.cells)), Waiting: p.waiting.byAction(), Counters: p.Counters(),
	}
	for i, n := range p.counts {
		v.States[stateNames[i]] = n
	}
	for _, c := range p.inOrder() {
		v.Containers = append(v.Containers, c.view())
	}
	return v
}

func (c *cell) view() Container {
	v := Container{
		ID: c.id, State: c.state.String(), Kind: c.mould.kind, Image: c.mould.image, Memory: c.mould.memory,
		Namespace: c.key.Namespace, Action: c.key.Action, Revision: c.key.Revision,
		Made: c.made, Used: c.since, Running: c.active, Served: c.served,
	}
	if c.key != (Key{}) {
		v.Start, v.Reason = c.start.String(), c.reason
	}
	if c.expects != nil {
		v.Expecting = c.expects.id.Name
	}
	return v
}

// byAction counts the waiting jobs, over all revisions of an action.
func (w *waiting) byAction() []Waiting {
	jobs := make(map[Action]int)
	for key, q := range w.queues {
		jobs[key.of()] += len(q.jobs)
	}
	list := make([]Waiting, 0, len(jobs))
	for a, n := range jobs {
		list = append(list, Waiting{a.Namespace, a.Name, n})
	}
	slices.SortFunc(list, func(a, b Waiting) int {
		return strings.Compare(a.Namespace+" "+a.Action, b.Namespace+" "+b.Action)
	})
	return list
}
