// Package sandboxcontainer makes containers without a daemon: Linux namespaces,
// cgroups and a system call filter around a part of the host's own file system.
//
// It promises that a container's program can see, reach and change nothing but
// its own: no process, file or network address of the host or of another
// container; that it cannot take more memory, processes or /tmp than it was
// given; and that nothing of it stays when the factory is closed or killed.
// The attempts in escape_test.go show it. As an ordinary user the promise is
// smaller; Factory.Capabilities and Check tell what is missing.
//
// The work is done by the launcher (cmd/quirl-sandbox), a child process that
// uses the OCI project's libcontainer; this package stays free of cgo. The
// launcher makes shells, containers whose program waits to be released, and
// this package keeps a pool of them, so that isolation costs nothing on the
// path of a call. Package wire is what the two say to each other.
//
// Read factory.go, shell.go, pool.go and container.go in this order; rootfs.go
// shows what of the host's file system a container sees.
package sandboxcontainer
