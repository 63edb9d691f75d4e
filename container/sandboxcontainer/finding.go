package sandboxcontainer

// A Finding is one thing that this machine and user can or cannot do for
// sandboxes.
type Finding struct {
	// Name is what was looked at, e.g. "user namespaces".
	Name string
	// OK says that nothing is missing.
	OK bool
	// Found is what is there, or what is missing.
	Found string
	// Cost is what is lost without; empty when OK. Required says that without it
	// there are no sandboxes at all.
	Cost     string
	Required bool
	// Mend is the command that mends it, if there is one.
	Mend string
}
