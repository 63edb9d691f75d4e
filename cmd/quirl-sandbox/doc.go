// Command quirl-sandbox makes sandbox containers for package sandboxcontainer.
//
// It is the one program with cgo: libcontainer re-executes it as the first
// process of each container, and libseccomp compiles the system call filter.
// The factory starts it as a child with a socket (see package wire) and asks
// it for boxes. A box is first a shell: isolation made ahead, whose process
// waits at its exec gate; start sets the limits and opens the gate.
//
// The launcher promises that it takes everything with it: when the socket ends,
// even because the factory was killed, all boxes are removed before it exits.
// What it cannot remove because it was killed itself, the next launcher of the
// same instance removes before it does anything else (see leftovers.go).
//
// Read main.go, server.go, box.go, then what a box is made of: config.go,
// filter.go, limits.go, identities.go, bridge.go, firewall.go, pasta.go, door.go.
//
// Build with: go build -tags seccomp quirl/cmd/quirl-sandbox
package main
