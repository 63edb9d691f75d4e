package pool

// A Reason says why a job found no warm container. Where the last container of
// the action has gone, it says why that went.
type Reason int

// The reasons.
const (
	Unasked     Reason = iota // the container was warm
	FirstUse                  // the pool remembers no container of the action
	ScaledOut                 // all of its containers were busy, or still starting
	Evicted                   // another action needed the memory
	Expired                   // it was not used for long enough
	NewRevision               // those that there were have older code
	Failed                    // it ended, or was not to be used again after a failure
	Yielded                   // its namespace had more than its share, and another one waited
	reasons                   // how many there are
)

var reasonTexts = [reasons]string{"", "first use", "scaled out", "evicted", "expired", "new revision", "container failed", "yielded to another namespace"}

func (r Reason) String() string { return reasonTexts[r] }

// MarshalText is that of encoding.TextMarshaler.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Counters count what has happened since the pool was made.
type Counters struct {
	// Warm, Prewarmed, Stem and Cold are the jobs by the container that they got.
	Warm      int `json:"warm"`
	Prewarmed int `json:"prewarmed"`
	Stem      int `json:"stem"`
	Cold      int `json:"cold"`
	// Reasons are the jobs that got no warm container, by the reason.
	Reasons map[Reason]int `json:"reasons"`
	// Evictions and Expirations are containers that went for others, and for want of use.
	Evictions   int `json:"evictions"`
	Expirations int `json:"expirations"`
	// Stem cells that were made for an expected call: used by it, used by another
	// call, in vain, and not made for want of room.
	PrewarmedUsed   int `json:"prewarmedUsed"`
	PrewarmedTaken  int `json:"prewarmedTaken"`
	PrewarmedUnused int `json:"prewarmedUnused"`
	PrewarmedNoRoom int `json:"prewarmedNoRoom"`
}

// tally are the counters as the pool counts them.
type tally struct {
	starts  [len(startNames)]int
	reasons [reasons]int
	Counters
}

// Counters returns the present counts.
func (p *Pool) Counters() Counters {
	c := p.tally.Counters
	c.Warm, c.Prewarmed, c.Stem, c.Cold = p.tally.starts[Warm], p.tally.starts[Prewarmed], p.tally.starts[Stemmed], p.tally.starts[Cold]
	c.Reasons = make(map[Reason]int, reasons-1)
	for r := FirstUse; r < reasons; r++ {
		c.Reasons[r] = p.tally.reasons[r]
	}
	return c
}
