package shardbalancer

import "hash/fnv"

// A plan says in which order the invokers of a group are tried for an action: from a home of its own,
// in steps that are its own too, so that an action keeps to few invokers, and actions
// whose homes are the same go different ways from there.
//
// Source: OpenWhisk, the contract of its sharding balancer.
type plan struct {
	size  int
	steps []int
}

func newPlan(size int) plan { return plan{size, coprimes(size)} }

// coprimes are the numbers from 1 to n that have no divisor in common with n, nor with one another,
// the smallest first.
func coprimes(n int) []int {
	var all []int
	for candidate := 1; candidate <= n; candidate++ {
		ok := gcd(candidate, n) == 1
		for _, other := range all {
			ok = ok && gcd(candidate, other) == 1
		}
		if ok {
			all = append(all, candidate)
		}
	}
	return all
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// visit calls try with the invokers of the group in the order for a hash, each once, until one is
// taken; it returns that one, or -1.
func (p plan) visit(hash uint64, try func(i int) bool) int {
	if p.size == 0 {
		return -1
	}
	i := int(hash % uint64(p.size))
	step := p.steps[hash%uint64(len(p.steps))]
	for range p.size {
		if try(i) {
			return i
		}
		i = (i + step) % p.size
	}
	return -1
}

// hashOf is that of an action, by its namespace's caller and its name.
func hashOf(namespace, action string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(namespace)) // never fails
	h.Write([]byte{0})
	h.Write([]byte(action))
	return h.Sum64()
}

// groups are the sizes of the two parts of n invokers: actions in images of users go to the last
// ones, all others to the first ones. With few invokers they overlap.
//
// Source: likewise; the shares are 90 and 10 %.
func groups(n int) (managed, blackbox int) {
	if n == 0 {
		return 0, 0
	}
	return max(1, (n*9+9)/10), max(1, n/10)
}
