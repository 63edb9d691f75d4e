package chaos_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quirl/bus/kafkabus/kafkatest"
	"quirl/internal/realtest"
	"quirl/test/quirltest"
)

// A cluster is two controllers and two invokers on a Kafka broker and a PostgreSQL database.
type cluster struct {
	t           *testing.T
	shared      []string // flags
	controllers [2]*quirltest.Server
	invokers    [2]*quirltest.Server
	data        map[string]string // folders, by role and number
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	database, err := realtest.NewServer("postgres")
	realtest.Require(t, err)
	t.Cleanup(func() {
		if err := database.Remove(); err != nil {
			t.Error(err)
		}
	})
	c := &cluster{t: t, data: map[string]string{}, shared: []string{
		"--store=" + database.URL, "--bus=" + kafkatest.Start(t).Prefix(t).String(), "--attachments=file://" + filepath.Join(t.TempDir(), "code"),
	}}
	for n := range c.controllers {
		c.startController(n)
	}
	for n := range c.invokers {
		c.startInvoker(n)
	}
	c.awaitInvokers("up", "up")
	return c
}

// start starts a role in the data folder that it had, if it was there before.
func (c *cluster) start(role string, n int, args ...string) *quirltest.Server {
	c.t.Helper()
	key := fmt.Sprint(role, n)
	s := quirltest.Start(c.t, quirltest.Options{Role: role, Data: c.data[key], Args: append(append([]string{fmt.Sprintf("--%s=%d", role, n)}, c.shared...), args...)})
	c.data[key] = s.Data
	return s
}

func (c *cluster) startController(n int) {
	c.controllers[n] = c.start("controller", n, "--controllers=2")
}

func (c *cluster) startInvoker(n int) {
	c.invokers[n] = c.start("invoker", n, "--containers=process://", "--memory=1024", "--stem-cells=false", "--api-host="+c.controllers[0].URL)
}

// awaitInvokers waits until both controllers know of the invokers' states.
func (c *cluster) awaitInvokers(states ...string) {
	c.t.Helper()
	for _, s := range c.controllers {
		for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			req := quirltest.Request(c.t, http.MethodGet, s.URL+"/invokers", "", "")
			_, body := quirltest.Do(c.t, http.DefaultClient, req)
			ok := true
			for n, state := range states {
				ok = ok && strings.Contains(string(body), fmt.Sprintf(`"invoker%d/`, n)) && strings.Count(string(body), `"`+state+`"`) >= 1
			}
			if ok && (states[0] != states[1] || strings.Count(string(body), `"`+states[0]+`"`) == 2) {
				break
			}
			if time.Now().After(deadline) {
				c.t.Fatalf("the invokers are %s, want %v", body, states)
			}
		}
	}
}

// A load is calls of step that are under way.
type load struct {
	mu       sync.Mutex
	accepted map[string]bool // ids of non-blocking calls
	answered map[string]int  // outcomes of all calls
	done     chan struct{}
	sending  sync.WaitGroup
}

// load sends calls to the controllers, half of them blocking, until stop.
func (c *cluster) load(to ...int) *load {
	l := &load{accepted: map[string]bool{}, answered: map[string]int{}, done: make(chan struct{})}
	for i := range senders {
		l.sending.Go(func() {
			blocking := i%2 == 1
			for turn := 0; ; turn++ {
				select {
				case <-l.done:
					return
				case <-time.After(100 * time.Millisecond):
				}
				var a accepted
				status := do(c.t, c.controllers[to[(i/2+turn)%len(to)]].URL, http.MethodPost, fmt.Sprintf("actions/step?blocking=%t", blocking), map[string]any{}, &a)
				l.mu.Lock()
				l.answered[fmt.Sprintf("%d blocking=%t", status, blocking)]++
				if status == http.StatusAccepted {
					l.accepted[a.ID] = true
				}
				l.mu.Unlock()
			}
		})
	}
	return l
}

func (l *load) stop() {
	close(l.done)
	l.sending.Wait()
}

// check wants one record for each accepted call, and no function that ran twice. Blocking calls may
// have failed as often as there can have been under way.
func (c *cluster) check(what string, l *load, witness string, mayFail int) {
	c.t.Helper()
	statuses := map[string]int{}
	for id := range l.accepted {
		statuses[await(c.t, c.controllers[0], id)]++
	}
	twice := 0
	for _, n := range readWitness(c.t, witness) {
		if n > 1 {
			twice++
		}
	}
	c.t.Logf("%s: accepted %d, records by status %v, answers %v, functions that ran twice %d", what, len(l.accepted), statuses, l.answered, twice)
	if twice > 0 {
		c.t.Errorf("%s: %d functions ran twice", what, twice)
	}
	if statuses["none"] > 0 || len(l.accepted) < 50 {
		c.t.Errorf("%s: %d calls were accepted, %d of them have no record", what, len(l.accepted), statuses["none"])
	}
	if statuses["success"] < len(l.accepted)-mayFail {
		c.t.Errorf("%s: only %d of %d accepted calls succeeded", what, statuses["success"], len(l.accepted))
	}
	failed := 0
	for answer, n := range l.answered {
		if answer != "200 blocking=true" && answer != "202 blocking=false" {
			failed += n
		}
	}
	if failed > mayFail {
		c.t.Errorf("%s: %d calls failed, at most %d were under way where something was lost", what, failed, mayFail)
	}
}

// TestCluster loses parts of a cluster under load: nothing that was accepted is lost, no function runs
// twice, and calls fail only where their own controller or invoker was lost.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	c := startCluster(t)
	witness := filepath.Join(t.TempDir(), "runs")
	putFunction(t, c.controllers[0], "step", witnessing(witness, 50))

	// Whoever got a result finds its record, and another controller knows the action.
	for i := range 40 {
		var a accepted
		if status := do(t, c.controllers[i%2].URL, http.MethodPost, "actions/step?blocking=true", map[string]any{}, &a); status != http.StatusOK {
			t.Fatalf("call %d: status %d", i, status)
		}
		if status := do(t, c.controllers[i%2].URL, http.MethodGet, "activations/"+a.ID, nil, nil); status != http.StatusOK {
			t.Errorf("the record of call %d: status %d", i, status)
		}
	}

	l := c.load(0, 1)
	time.Sleep(2 * time.Second)
	c.invokers[0].Kill()
	c.awaitInvokers("down", "up")
	time.Sleep(time.Second)
	c.startInvoker(0)
	c.awaitInvokers("up", "up")
	time.Sleep(time.Second)
	l.stop()
	// Between the kill and the moment in which it is noticed calls go to the lost invoker, too: each
	// of the senders waits for one.
	c.check("an invoker is killed", l, witness, 2*senders)

	l = c.load(0)
	other := c.load(1)
	time.Sleep(2 * time.Second)
	c.controllers[1].Kill()
	other.stop()
	c.startController(1)
	c.awaitInvokers("up", "up")
	time.Sleep(2 * time.Second)
	l.stop()
	c.check("a controller is killed: calls of the other one", l, witness, 0)
	other.answered = nil // its callers lost their connections
	c.check("a controller is killed: its own calls", other, witness, senders)

	l = c.load(0, 1)
	for n := range c.invokers {
		time.Sleep(time.Second)
		if err := c.invokers[n].Stop(); err != nil {
			t.Errorf("stop invoker %d: %v", n, err)
		}
		c.startInvoker(n)
		c.awaitInvokers("up", "up")
	}
	time.Sleep(time.Second)
	l.stop()
	c.check("the invokers are restarted one by one", l, witness, 0)
}
