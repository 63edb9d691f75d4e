// Package identity finds out who makes a request, and to whom a namespace belongs.
//
// A Provider promises that credentials of a blocked or unknown subject are
// never accepted longer than its documented delay, and that a wrong secret is
// never accepted. What every implementation must do is written twice: in the
// comments here, for people, and in package identitytest, for machines.
package identity

import (
	"context"
	"errors"

	"quirl/whisk"
)

// ErrUnknown says that the credentials belong to nobody who may use the platform.
var ErrUnknown = errors.New("unknown credentials")

// Credentials are what a request brought.
type Credentials struct {
	// User and Password are the halves of a Basic pair: a namespace's UUID and its key.
	User, Password string
	// Token is a bearer token; then there is no Basic pair.
	Token string
	// Namespace is the one that the request is about, empty or "_" for the caller's own. A token that
	// is good for several gives the identity in that one.
	Namespace string
}

// A Provider maps credentials to identities.
// Its methods may be called from many goroutines at once.
type Provider interface {
	// Authenticate returns the identity that the credentials prove, or ErrUnknown, also once they
	// have expired. Whoever asks must hold what is done with it against its Scope.
	// Any other error means that it cannot be told at the moment. The caller must
	// not change the identity.
	Authenticate(ctx context.Context, c Credentials) (*whisk.Identity, error)

	// Owner returns an identity of the namespace, for what runs there without the
	// owner's credentials: web actions. Of several subjects that have the namespace
	// it may be any that is not blocked; ErrUnknown when there is none. Any other
	// error means that it cannot be told at the moment. A change may take effect
	// after the same delay as for credentials. The caller must not change the identity.
	Owner(ctx context.Context, namespace string) (*whisk.Identity, error)
}
