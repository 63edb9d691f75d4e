package cli

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// A histogram counts durations in buckets, each a hundredth wider than the one before:
// what it tells of them is right to one in a hundred, and it does not grow with their number.
// The zero value is ready for use.
type histogram struct {
	counts   []int
	total    int
	min, max time.Duration
}

const bucketGrowth = 1.01

// bucketOf is the bucket of a duration; all below a microsecond share the first one.
func bucketOf(d time.Duration) int {
	return int(math.Log(max(1, float64(d)/float64(time.Microsecond))) / math.Log(bucketGrowth))
}

// bucketEnd is where a bucket ends.
func bucketEnd(bucket int) time.Duration {
	return time.Duration(math.Pow(bucketGrowth, float64(bucket+1)) * float64(time.Microsecond))
}

func (h *histogram) add(d time.Duration) {
	bucket := bucketOf(d)
	for len(h.counts) <= bucket {
		h.counts = append(h.counts, 0)
	}
	h.counts[bucket]++
	if h.total == 0 || d < h.min {
		h.min = d
	}
	h.max = max(h.max, d)
	h.total++
}

// quantile is the duration that a share of all, from 0 to 1, do not exceed.
func (h *histogram) quantile(share float64) time.Duration {
	rank := int(math.Ceil(share * float64(h.total)))
	if rank <= 1 {
		return h.min
	}
	for bucket, count := range h.counts {
		if rank -= count; rank <= 0 {
			return min(max(bucketEnd(bucket), h.min), h.max)
		}
	}
	return h.max
}

// draw writes a bar for each range of durations, from the shortest to the longest: the
// ranges double.
func (h *histogram) draw(w io.Writer) {
	if h.total == 0 {
		return
	}
	var bars []int
	first := int(math.Floor(math.Log2(max(1, float64(h.min)/float64(time.Microsecond)))))
	for bucket, count := range h.counts {
		if count == 0 {
			continue
		}
		middle := math.Pow(bucketGrowth, float64(bucket)+0.5)
		i := max(0, int(math.Floor(math.Log2(middle)))-first)
		for len(bars) <= i {
			bars = append(bars, 0)
		}
		bars[i] += count
	}
	most := 0
	for _, n := range bars {
		most = max(most, n)
	}
	const width = 40
	for i, n := range bars {
		from := time.Duration(1<<(first+i)) * time.Microsecond
		length := (n*width + most - 1) / most
		fmt.Fprintf(w, "%10s .. %-10s %-*s %d\n", milliseconds(from), milliseconds(2*from), width, strings.Repeat("#", length), n)
	}
}

// milliseconds is a duration with three digits that count.
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms >= 100:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.2f ms", ms)
	}
}
