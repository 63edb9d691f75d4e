package pool_test

import (
	"fmt"
	"testing"
	"time"

	"quirl/invoker/policy"
	"quirl/invoker/pool"
)

// BenchmarkStep makes a warm call, an arrival and an end, beside 10 to 10,000
// idle containers, and asks after each step when the pool wants to be woken.
func BenchmarkStep(b *testing.B) {
	fixed := policy.Fixed{PauseAfter: 10 * time.Second, KeepAlive: 10 * time.Minute}
	for _, n := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprint("fixed/", n), func(b *testing.B) { warmCalls(b, n, fixed) })
		b.Run(fmt.Sprint("learned/", n), func(b *testing.B) { warmCalls(b, n, policy.NewLearned(policy.Default(fixed))) })
	}
}

func warmCalls(b *testing.B, containers int, keep pool.Policy) {
	p := pool.New(pool.Config{Memory: containers * 128, Queue: 10, Starting: containers, Policy: keep})
	now := time.UnixMilli(0)
	job := func(i int) pool.Job {
		name := fmt.Sprint("guest/action", i%containers)
		return pool.Job{ID: "j", Key: pool.Key{Namespace: "guest", Action: name, Revision: "1"}, Kind: "nodejs:20", Memory: 128, Concurrency: 1}
	}
	jobs := make([]pool.Job, containers)
	homes := make([]int, containers)
	for i := range jobs {
		jobs[i] = job(i)
		p.Step(pool.Arrived{Job: jobs[i]}, now)
		homes[i] = i + 1
		p.Step(pool.Started{Container: homes[i]}, now)
		p.Step(pool.Finished{Container: homes[i], Keep: true}, now)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		now = now.Add(time.Millisecond)
		at := i * 7919 % containers
		p.Step(pool.Arrived{Job: jobs[at]}, now)
		p.Next()
		p.Step(pool.Finished{Container: homes[at], Keep: true}, now)
		if next := p.Next(); !next.After(now) {
			p.Step(pool.Tick{}, now)
		}
		i++
	}
}
