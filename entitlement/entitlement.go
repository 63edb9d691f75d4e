// Package entitlement decides whether a caller may do what it asks for, now.
//
// An Entitlement promises that nobody reaches what the rights matrix does not
// give, and that no namespace has more in flight, or starts more per minute,
// than its limits say. What every implementation must do is written twice: in
// the comments here, for people, and in package entitlementtest, for machines.
package entitlement

import (
	"context"

	"quirl/whisk"
)

// A Right is what a caller wants to do with a resource.
type Right string

// The rights.
const (
	Read     Right = "READ"
	Put      Right = "PUT"
	Delete   Right = "DELETE"
	Activate Right = "ACTIVATE"
)

// A Resource is a collection of a namespace, or one entity in it.
type Resource struct {
	Collection whisk.Collection // also "activations" and "limits"
	Path       whisk.Path       // "ns" or "ns/pkg"
	Name       string           // empty for the whole collection
}

// ID is the resource as errors name it.
func (r Resource) ID() string { return string(r.Path.Join(r.Name)) }

// A Load is what an admission counts against.
type Load int

// The loads.
const (
	Invocation Load = iota // of an action or web action
	Fire                   // of a trigger
)

// A Lease is one admitted invocation in flight.
type Lease interface {
	// Release ends it. Releasing twice is no error.
	Release()
}

// An Entitlement holds rights, rates and concurrency.
// Its methods may be called from many goroutines at once.
type Entitlement interface {
	// Authorize returns nil when the caller has the right on the resource, else a
	// whisk.Error: Forbidden, NotFound for an owner's missing package, or a
	// conflict or bad request where a package is not what it must be.
	Authorize(ctx context.Context, caller *whisk.Identity, right Right, r Resource) error

	// Admit counts one more call of the caller and returns a lease that is held
	// while it is in flight, or a whisk.Error of kind TooManyRequests.
	Admit(ctx context.Context, caller *whisk.Identity, load Load) (Lease, error)
}
