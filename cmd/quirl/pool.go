package main

import (
	"fmt"
	"runtime"

	"quirl/invoker/policy"
	"quirl/invoker/pool"
)

// The values of keep-policy.
const (
	learnedPolicy = "learned"
	fixedPolicy   = "fixed"
)

// poolConfig is what the container pool may have, and how it decides.
func (p *platform) poolConfig() (pool.Config, error) {
	keep, err := p.cfg.policy()
	cfg := pool.Config{
		Memory: p.cfg.Memory, Queue: p.cfg.Queue, Starting: p.cfg.Starting, Policy: keep, StemAge: p.cfg.KeepAlive,
	}
	if cfg.Memory == 0 {
		cfg.Memory = max(1024, machineMemoryMB()/2)
	}
	if cfg.Starting == 0 {
		cfg.Starting = 2 * runtime.NumCPU()
	}
	if p.cfg.StemCells {
		cfg.Stems, cfg.LearnStems, cfg.StemMemory = p.kinds.stems(), true, p.cfg.StemMemory
		if cfg.StemMemory == 0 {
			cfg.StemMemory = cfg.Memory / 4
		}
	}
	return cfg, err
}

// policy is the one that keep-policy names.
func (c *serveConfig) policy() (pool.Policy, error) {
	fixed := policy.Fixed{PauseAfter: c.PauseAfter, KeepAlive: c.KeepAlive}
	switch {
	case c.KeepPolicy != learnedPolicy && c.KeepPolicy != fixedPolicy:
		return nil, fmt.Errorf("keep-policy %q is neither %s nor %s", c.KeepPolicy, learnedPolicy, fixedPolicy)
	case c.PauseAfter < 0 || c.KeepAlive < 0:
		return nil, fmt.Errorf("pause-after %v and keep-alive %v must not be negative", c.PauseAfter, c.KeepAlive)
	case c.StemMemory < 0:
		return nil, fmt.Errorf("stem-memory %d must not be negative", c.StemMemory)
	case c.KeepPolicy == fixedPolicy || c.KeepAlive == 0:
		return fixed, nil
	}
	return policy.NewLearned(policy.Default(fixed)), nil
}
