package invoker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"quirl/bus/message"
	"quirl/whisk"
)

// turns lets activations in one container print in turns until all of them have.
const turns = `let waiting = []; let here = 0;
	async function main(args) {
		for (let i = 0; i < 3; i++) {
			console.log(args.id, i);
			console.error(args.id, "error", i);
			if (++here % args.crowd === 0) { waiting.splice(0).forEach((go) => go()); }
			else { await new Promise((go) => waiting.push(go)); }
		}
		return { id: args.id };
	}`

// TestConcurrentActivations: activations that run at once in one container get
// their own results and their own lines.
func TestConcurrentActivations(t *testing.T) {
	const crowd = 10
	b := newBench(t) // with room for one container
	a := b.action(t, "turns", turns, func(a *whisk.Action) { a.Limits.Concurrency = crowd })
	sent := map[whisk.ActivationID]int{}
	var all []*message.Activation
	for i := range crowd {
		m := b.message(a, fmt.Sprintf(`{"id":%d,"crowd":%d}`, i, crowd))
		sent[m.ID] = i
		all = append(all, m)
	}
	for _, m := range all {
		b.send(t, m)
	}
	done := 0
	for done < crowd { // acknowledgements come in any order
		if b.ack(t).Done {
			done++
		}
	}
	for id, i := range sent {
		r, err := b.recorder.Find(t.Context(), "ns", id)
		if err != nil {
			t.Fatal(err)
		}
		wantResult(t, r, whisk.Success, fmt.Sprintf(`{"id":%d}`, i))
		var got []string
		for _, line := range r.Logs {
			_, text, _ := strings.Cut(line, " ")
			got = append(got, text)
		}
		slices.Sort(got)
		var want []string
		for n := range 3 {
			want = append(want, fmt.Sprintf("stderr: %d error %d", i, n), fmt.Sprintf("stdout: %d %d", i, n))
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("activation %d: got the lines %q, want %q", i, got, want)
		}
	}
	if s := b.Stats(); s.Idle+s.Paused != 1 {
		t.Errorf("after all have ended: %+v, want one unused container", s)
	}
}

// TestConcurrentTimeout: an activation that takes too long takes its container
// along, but not the others that run in it.
func TestConcurrentTimeout(t *testing.T) {
	b := newBench(t)
	a := b.action(t, "waits", `function main(args) { console.log("in", args.wait); return new Promise((f) => { if (args.wait < 1e6) setTimeout(() => f(args), args.wait); }); }`,
		func(a *whisk.Action) { a.Limits.Concurrency, a.Limits.Timeout = 3, 700 })
	late, fine := b.message(a, `{"wait":1000000}`), b.message(a, `{"wait":450}`)
	b.send(t, late)
	eventually(t, "the first one runs", func() bool { return b.Stats().Busy == 1 })
	b.send(t, fine)
	for done := 0; done < 2; {
		if b.ack(t).Done {
			done++
		}
	}
	for m, want := range map[*message.Activation]whisk.Status{late: whisk.DeveloperError, fine: whisk.Success} {
		r, err := b.recorder.Find(t.Context(), "ns", m.ID)
		if err != nil {
			t.Fatal(err)
		}
		wantResult(t, r, want, "")
		wantLog(t, r, "stdout: in "+strings.Trim(string(m.Content), `{"wait:}`))
	}
	eventually(t, "the container goes", func() bool { return b.Stats().Idle+b.Stats().Paused+b.Stats().Busy == 0 })
}
