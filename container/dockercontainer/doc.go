// Package dockercontainer makes containers with a Docker engine.
//
// It promises what package container does, by the engine's own isolation: its
// namespaces, cgroups and system call filter, less capabilities than the engine
// would give, no way to gain more, and a network of the instance on which
// containers do not reach each other. When the engine is restarted, hangs or is
// gone, calls end with an error that says so, within a bound, and nothing
// that was made is forgotten.
//
// Read factory.go, create.go, box.go and follow.go in this order; settings.go
// is the pure translation of a container.Spec, output.go takes the attach stream
// apart, silence.go notices an engine that hangs, shells.go keeps containers whose
// program waits at a gate.
package dockercontainer
