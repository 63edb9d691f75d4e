// Package policy says how long the pool keeps unused containers, and when it makes
// one ready ahead of a call.
//
// It promises to be pure: time is an argument, nothing is started, and what it
// remembers is bounded. Fixed is OpenWhisk's way. Learned looks at the idle times
// of each action, after the hybrid histogram policy of Shahrad et al., "Serverless
// in the Wild", USENIX ATC 2020; docs/decisions/0007-learned-policy.md says what it
// does differently, and why.
//
// Read fixed.go, then learned.go for what is remembered, histogram.go for how, and
// window.go for what follows from it.
package policy
