package policy

import "time"

// A curve is a histogram summed up: by the time t after the end of a call, which
// share of the next calls has come, and how long a container has waited for one
// on average. Within a bin idle times are taken as equally frequent.
type curve struct {
	// By the lower bound of each bin, and by the end of the range:
	share [bins + 1]float64
	spent [bins + 1]float64 // in seconds
}

// sum makes c the curve of a histogram, which must not be empty.
func (c *curve) sum(h *histogram) {
	for i, count := range h.counts {
		c.share[i+1] = c.share[i] + float64(count)/float64(h.total)
		c.spent[i+1] = c.spent[i] + (edge(i)-edge(i-1)).Seconds()*(1-(c.share[i]+c.share[i+1])/2)
	}
}

// at returns the share of calls that have come by t, and the mean of the seconds
// until then or until the call. Beyond the range no call is known to come.
func (c *curve) at(t time.Duration) (share, spent float64) {
	i := bin(t)
	if i == bins {
		return c.share[bins], c.spent[bins] + (t-Range).Seconds()*(1-c.share[bins])
	}
	low := edge(i - 1)
	part := float64(t-low) / float64(edge(i)-low)
	share = c.share[i] + part*(c.share[i+1]-c.share[i])
	return share, c.spent[i] + (t-low).Seconds()*(1-(c.share[i]+share)/2)
}
