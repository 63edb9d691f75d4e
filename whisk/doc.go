// Package whisk is the vocabulary of the platform: names, identities, entities,
// limits, activations and the kinds of errors, as Apache OpenWhisk defines them.
//
// It promises to depend on the standard library alone and to decide nothing:
// every other package may import it, and it imports none of ours.
//
// Read name.go first, then action.go and activation.go; the rest is found by
// the names of the files.
package whisk
