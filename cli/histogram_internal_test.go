package cli

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestQuantile: a histogram tells what sorting all would tell, to one in a hundred.
func TestQuantile(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(random.ExpFloat64() * float64(5*time.Millisecond))
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, share := range []float64{0.5, 0.9, 0.99, 0.999} {
		want := all[int(share*float64(len(all)))-1]
		if got := h.quantile(share); got < want || float64(got) > 1.011*float64(want) {
			t.Errorf("quantile %v: got %v, want %v", share, got, want)
		}
	}
	if h.quantile(0) != all[0] || h.quantile(1) != all[len(all)-1] || h.total != len(all) {
		t.Errorf("got %v to %v of %d", h.quantile(0), h.quantile(1), h.total)
	}
}

func TestHistogramOfOne(t *testing.T) {
	var h histogram
	h.add(3 * time.Millisecond)
	for _, share := range []float64{0, 0.5, 1} {
		if got := h.quantile(share); got != 3*time.Millisecond {
			t.Errorf("quantile %v: got %v", share, got)
		}
	}
	h.add(0) // as good as nothing
	h.add(300 * time.Millisecond)
	var out bytes.Buffer
	h.draw(&out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	sum := 0
	for _, line := range lines {
		sum += strings.Count(line, "#")
	}
	if sum != 3*40 || !strings.HasSuffix(lines[0], " 1") || !strings.Contains(lines[len(lines)-1], "262 ms .. 524 ms") {
		t.Errorf("got\n%s", &out)
	}
	var empty histogram
	empty.draw(&out)
}
