// Package dockercontainer makes containers with a Docker engine.
//
// It promises what package container does, by the engine's own isolation: its
// namespaces, cgroups and system call filter, less capabilities than the engine
// would give, no way to gain more, and a network of the instance on which
// containers do not reach each other. When the engine is restarted, hangs or is
// gone, calls end with their context or with an error that says so, and nothing
// that was made is forgotten.
//
// Read factory.go, create.go, box.go and follow.go in this order; settings.go
// is the pure translation of a container.Spec, output.go takes the attach stream
// apart, shells.go keeps containers whose program waits at a gate. DESIGN.md tells
// why.
package dockercontainer
