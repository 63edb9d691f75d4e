package pool

import "slices"

// waiting holds the jobs that have no container yet: first in, first out per
// action, namespaces in turns.
type waiting struct {
	count  int
	queues map[Key]*queue
	// turns are the namespaces that wait, the next one first.
	turns []string
	// keys are the waiting actions of each namespace, the next one first.
	keys map[string][]Key
}

type queue struct {
	jobs []Job
}

func newWaiting() waiting {
	return waiting{queues: make(map[Key]*queue), keys: make(map[string][]Key)}
}

func (w *waiting) add(j Job, first bool) {
	q := w.queues[j.Key]
	if q == nil {
		q = new(queue)
		w.queues[j.Key] = q
		ns := j.Key.Namespace
		if len(w.keys[ns]) == 0 {
			w.turns = append(w.turns, ns)
		}
		w.keys[ns] = append(w.keys[ns], j.Key)
	}
	if first {
		q.jobs = slices.Insert(q.jobs, 0, j)
	} else {
		q.jobs = append(q.jobs, j)
	}
	w.count++
}

// of returns how many jobs wait for key.
func (w *waiting) of(key Key) int {
	if q := w.queues[key]; q != nil {
		return len(q.jobs)
	}
	return 0
}

// head returns the next job of key, which must have one.
func (w *waiting) head(key Key) *Job { return &w.queues[key].jobs[0] }

// take removes and returns the next job of key, and gives the turn to others.
func (w *waiting) take(key Key) Job {
	q := w.queues[key]
	j := q.jobs[0]
	q.jobs[0] = Job{}
	q.jobs = q.jobs[1:]
	w.count--
	w.passTurn(key)
	if len(q.jobs) == 0 {
		w.drop(key)
	}
	return j
}

// withdraw removes the job with that id from the queue of key.
func (w *waiting) withdraw(key Key, id string) bool {
	q := w.queues[key]
	if q == nil {
		return false
	}
	i := slices.IndexFunc(q.jobs, func(j Job) bool { return j.ID == id })
	if i < 0 {
		return false
	}
	q.jobs = slices.Delete(q.jobs, i, i+1)
	w.count--
	if len(q.jobs) == 0 {
		w.drop(key)
	}
	return true
}

// passTurn moves the key's namespace, and the key within it, to the end.
func (w *waiting) passTurn(key Key) {
	moveLast(w.turns, key.Namespace)
	moveLast(w.keys[key.Namespace], key)
}

func moveLast[T comparable](list []T, item T) {
	if i := slices.Index(list, item); i >= 0 {
		copy(list[i:], list[i+1:])
		list[len(list)-1] = item
	}
}

func (w *waiting) drop(key Key) {
	delete(w.queues, key)
	ns := key.Namespace
	keys := slices.DeleteFunc(w.keys[ns], func(k Key) bool { return k == key })
	if len(keys) > 0 {
		w.keys[ns] = keys
		return
	}
	delete(w.keys, ns)
	w.turns = slices.DeleteFunc(w.turns, func(n string) bool { return n == ns })
}

// inTurn returns the waiting keys in the order in which they should be served:
// the first key of each namespace in turn, then the second ones, and so on.
func (w *waiting) inTurn() []Key {
	order := make([]Key, 0, len(w.queues))
	for round := 0; len(order) < len(w.queues); round++ {
		for _, ns := range w.turns {
			if keys := w.keys[ns]; round < len(keys) {
				order = append(order, keys[round])
			}
		}
	}
	return order
}

// all removes and returns every job.
func (w *waiting) all() []Job {
	var jobs []Job
	for _, key := range w.inTurn() {
		jobs = append(jobs, w.queues[key].jobs...)
	}
	*w = newWaiting()
	return jobs
}
