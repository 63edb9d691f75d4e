package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"quirl/invoker/policy"
)

// small is a trace that is replayed within a second.
var small = []string{"-generate", "-apps", "60", "-days", "2", "-seed", "3"}

func simulate(t *testing.T, args ...string) (*trace, comparison) {
	t.Helper()
	o, err := parse(args)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := o.open()
	if err != nil {
		t.Fatal(err)
	}
	return tr, compare(tr, o)
}

// TestReport: each policy has its row, and the same trace the same figures.
func TestReport(t *testing.T) {
	var first, second bytes.Buffer
	for _, w := range []*bytes.Buffer{&first, &second} {
		if err := run(small, w); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != second.String() {
		t.Errorf("two reports of the same trace:\n%s\n%s", &first, &second)
	}
	for _, row := range []string{"| fixed, 15 s |", "| fixed, 10 min |", "| learned |", "At an equal share of cold calls"} {
		if strings.Count(first.String(), row) != 1 {
			t.Errorf("%q is not there once:\n%s", row, &first)
		}
	}
}

// TestLearnedSavesMemory: at an equal share of cold calls the learned policy has
// no more memory-time than a fixed one, by whatever measure; and each replay adds up.
func TestLearnedSavesMemory(t *testing.T) {
	tr, c := simulate(t, small...)
	for _, m := range measures[:2] {
		if idle, _, none := c.ratio(m.of, idleMemory); idle > 1 || none {
			t.Errorf("at an equal %s: %.0f %% of the fixed policy's idle memory-time", m.name, 100*idle)
		}
	}
	for _, r := range append(c.fixed, c.learned) {
		n := r.Counters
		if r.Calls != tr.calls() || n.Warm+n.Prewarmed+n.Stem+n.Cold != r.Calls || n.Cold != r.Cold || r.Refused > 0 {
			t.Errorf("%s: %d calls of %d, counters %+v", r.name, r.Calls, tr.calls(), n)
		}
		if r.Idle <= 0 || r.Idle > r.Total {
			t.Errorf("%s: %v MB·s idle of %v", r.name, r.Idle, r.Total)
		}
	}
	for i := 1; i < len(c.fixed); i++ {
		if low, high := c.fixed[i-1], c.fixed[i]; low.Cold < high.Cold || low.Total > high.Total {
			t.Errorf("%s has fewer cold calls or more memory-time than %s", low.name, high.name)
		}
	}
}

// TestReplay: a timer of ten minutes, to the second.
func TestReplay(t *testing.T) {
	f := &function{Owner: "o", App: "a", Name: "f", Trigger: "timer", Memory: 100}
	for i := range f.Lasts {
		f.Lasts[i] = 2 * time.Second
	}
	for m := 0; m < dayMinutes; m += 10 {
		f.Calls = append(f.Calls, minute{m, 1})
	}
	tr := &trace{Days: 1, Functions: []*function{f}}
	w := world{Memory: 1024, StemShare: 50, Start: time.Second}
	got := replay(tr, tr.arrivals(), w, policy.Fixed{KeepAlive: time.Minute})
	if got.Calls != 144 || got.Cold != 144 {
		t.Errorf("with a minute's keep-alive %d of %d calls are cold, want all", got.Cold, got.Calls)
	}
	// Each container starts for one second, runs for two and waits for sixty.
	each := 128 * (1 + 2 + 60 + removal.Seconds())
	if math.Abs(got.Total-144*each) > each || math.Abs(got.Idle-got.Total+144*128*2) > 1 {
		t.Errorf("%v MB·s, %v idle; want about %v, and all but 2 s of each", got.Total, got.Idle, 144*each)
	}
	if got := replay(tr, tr.arrivals(), w, policy.Fixed{KeepAlive: time.Hour}); got.Cold != 1 {
		t.Errorf("with an hour's keep-alive %d calls are cold, want 1", got.Cold)
	}
	if got := replay(tr, tr.arrivals(), w, policy.NewLearned(policy.Default(openWhisk))); got.Cold > 5 || got.Idle > 0.4*128*86400 {
		t.Errorf("learned: %d cold calls, want 5 until the rhythm is known; %v MB·s idle", got.Cold, got.Idle)
	}
}

// TestDistributions holds synthetic traces against what is published; the
// bounds leave room for chance.
func TestDistributions(t *testing.T) {
	tr := generate(shape{Seed: 11, Apps: 1500, Days: 3})
	sums := make(map[string]*appSum)
	for _, f := range tr.Functions {
		if sums[f.App] == nil {
			sums[f.App] = &appSum{memory: f.Memory}
		}
		sums[f.App].add(f)
	}
	var all, hourly, minutely, busyCalls, calls, varied, large, timers float64
	for _, s := range sums {
		all++
		perDay := float64(s.calls) / 3
		calls += perDay
		switch {
		case perDay <= 24:
			hourly++
		case perDay > 1440:
			minutely++
			busyCalls += perDay
		}
		if s.timer {
			timers++
		}
		if s.variation() > 1 {
			varied++
		}
		if s.memory > 170 {
			large++
		}
	}
	hourly += 1500 - all // not called in three days
	for _, c := range []struct {
		what           string
		got, low, high float64
	}{
		{"apps with one call an hour or fewer", hourly / 1500, 0.40, 0.50},
		{"apps with more than one call a minute", minutely / 1500, 0.15, 0.23},
		{"their share of the calls", busyCalls / calls, 0.9, 1},
		{"apps whose calls vary", varied / all, 0.3, 0.5},
		{"apps with timers", timers / all, 0.24, 0.36},
		{"apps with more than 170 MB", large / all, 0.25, 0.55},
	} {
		if c.got < c.low || c.got > c.high {
			t.Errorf("%s: %.3f, want %.2f to %.2f", c.what, c.got, c.low, c.high)
		}
	}
}

// appSum sums up an app's calls.
type appSum struct {
	memory float64
	calls  int
	timer  bool
	at     []int
}

func (s *appSum) add(f *function) {
	s.timer = s.timer || f.Trigger == "timer"
	for _, m := range f.Calls {
		s.calls += m.calls
		for range m.calls {
			s.at = append(s.at, m.at)
		}
	}
}

// variation is the coefficient of variation of the times between calls.
func (s *appSum) variation() float64 {
	var sum, squares, n float64
	at := make([]int, 0, len(s.at))
	seen := make([]int, 3*dayMinutes)
	for _, m := range s.at {
		seen[m]++
	}
	for m, count := range seen {
		for range count {
			at = append(at, m)
		}
	}
	for i := 1; i < len(at); i++ {
		gap := float64(at[i] - at[i-1])
		sum, squares, n = sum+gap, squares+gap*gap, n+1
	}
	if n < 2 || sum == 0 {
		return 0
	}
	mean := sum / n
	return math.Sqrt(max(0, squares/n-mean*mean)) / mean
}

// TestFiles: what is saved is read as it was.
func TestFiles(t *testing.T) {
	want := generate(shape{Seed: 5, Apps: 12, Days: 2})
	dir := t.TempDir()
	if err := want.save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := readTrace(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%d functions with %d calls were saved, %d with %d are read", len(want.Functions), want.calls(), len(got.Functions), got.calls())
	}
	if _, err := readTrace(os.DirFS(filepath.Join(dir, "nowhere"))); err == nil {
		t.Error("a folder that is not there is no error")
	}
}

// TestBadFiles: what cannot be read is an error that names the place.
func TestBadFiles(t *testing.T) {
	head := "HashOwner,HashApp,HashFunction,Trigger"
	zeros := strings.Repeat(",0", dayMinutes-1)
	for m := range dayMinutes {
		head += "," + strconv.Itoa(m+1)
	}
	for _, c := range []struct{ name, calls, times, want string }{
		{"no number", head + "\no,a,f,http,x" + zeros + "\n", "", `d01.csv:2: calls of minute 1: "x"`},
		{"negative", head + "\no,a,f,http,-1" + zeros + "\n", "", "calls of minute 1"},
		{"short row", head + "\no,a,f,http\n", "", "wrong number of fields"},
		{"no columns", "a,b\n1,2\n", "", "no HashOwner"},
		{"empty", "", "", "d01.csv: EOF"},
		{"no calls", head + "\no,a,f,http,0" + zeros + "\n", "", "the trace has no calls"},
		{"bad time", head + "\no,a,f,http,1" + zeros + "\n", "HashOwner,HashApp,HashFunction,percentile_Average_0\no,a,f,fast\n", `percentile_Average_0: "fast"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := fstest.MapFS{callsFile + "01.csv": {Data: []byte(c.calls)}}
			if c.times != "" {
				files[timesFile+"01.csv"] = &fstest.MapFile{Data: []byte(c.times)}
			}
			if _, err := readTrace(files); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestShipped: the trace that ships is what the generator makes. On other
// machines functions such as exp may differ in the last bit.
func TestShipped(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the trace was made on amd64")
	}
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := o.open()
	if err != nil {
		t.Fatal(err)
	}
	if want := generate(o.shape); !reflect.DeepEqual(got, want) {
		t.Errorf("%d functions with %d calls ship, %d with %d are made: go run ./test/sim -generate -save test/sim/testdata",
			len(got.Functions), got.calls(), len(want.Functions), want.calls())
	}
}
