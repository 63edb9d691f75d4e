// Package oidcidentity authenticates by tokens of an OpenID Connect issuer, beside keys.
//
// It promises that a token is accepted only while it is valid, from the issuer and for the audience
// that are configured, and for the namespaces alone that are granted to one of its groups. Keys go
// to the provider behind it.
package oidcidentity

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"quirl/identity"
	"quirl/whisk"
)

// Config says whom to trust, and with what.
type Config struct {
	// Issuer is the URL of the issuer, whose keys and algorithms are found by OpenID Connect Discovery.
	Issuer string
	// Audience is whom tokens must be for.
	Audience string
	// SubjectClaim and GroupsClaim are the members of tokens that name the subject and its groups,
	// the latter a list or one text.
	SubjectClaim, GroupsClaim string
	// Grants are what groups may do, the first one of a token being its default namespace.
	Grants []Grant
	// Adopt makes an owner for a namespace that has none yet; identity.ErrUnknown when it may not have one.
	Adopt func(ctx context.Context, namespace string) error
}

// A Grant is that members of a group may use a namespace.
type Grant struct {
	Group, Namespace string
	Scope            whisk.Scope
}

// ParseGrants reads GROUP=NAMESPACE or GROUP=NAMESPACE:SCOPE, with commas between.
func ParseGrants(text string) ([]Grant, error) {
	var all []Grant
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		at := strings.LastIndexByte(part, '=') // groups may have it in their names
		if at < 1 {
			return nil, fmt.Errorf("%q is not of the form GROUP=NAMESPACE or GROUP=NAMESPACE:SCOPE", part)
		}
		namespace, scope, _ := strings.Cut(part[at+1:], ":")
		g := Grant{Group: part[:at], Namespace: namespace}
		var ok bool
		if g.Scope, ok = whisk.ParseScope(scope); !ok {
			return nil, fmt.Errorf("%q: there is no scope %q: all, invoke and read are known", part, scope)
		}
		if !whisk.ValidName(namespace) || namespace == whisk.DefaultNamespace {
			return nil, fmt.Errorf("%q: %q cannot be the name of a namespace", part, namespace)
		}
		all = append(all, g)
	}
	return all, nil
}

const (
	// maxCached bounds how many tokens are remembered, so that their signatures need not be checked again.
	maxCached = 10_000
	// issuerPatience is how long a request waits for the issuer.
	issuerPatience = 10 * time.Second
)

// A Provider is an identity.Provider. Make one with New.
type Provider struct {
	identity.Provider
	Config
	client   *http.Client
	adopting sync.Mutex

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until the issuer was reached
	known    map[[sha256.Size]byte]claims
}

var _ identity.Provider = (*Provider)(nil)

// claims are what a valid token says.
type claims struct {
	subject string
	groups  []string
	expires time.Time
}

// New returns a Provider that knows tokens, and keys as next does. The issuer is asked when the
// first token comes.
func New(c Config, next identity.Provider) *Provider {
	return &Provider{Provider: next, Config: c, client: &http.Client{Timeout: issuerPatience}, known: map[[sha256.Size]byte]claims{}}
}

// Authenticate is that of identity.Provider.
func (p *Provider) Authenticate(ctx context.Context, c identity.Credentials) (*whisk.Identity, error) {
	if c.Token == "" {
		return p.Provider.Authenticate(ctx, c)
	}
	who, err := p.claims(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	grant := p.grant(who.groups, c.Namespace)
	if grant == nil {
		return nil, identity.ErrUnknown
	}
	owner, err := p.ownerOf(ctx, grant.Namespace)
	if err != nil {
		return nil, err
	}
	id := *owner
	id.Subject, id.Scope, id.Expires = who.subject, grant.Scope, who.expires
	if id.Scope != whisk.AllScope { // functions must not get what may do more
		id.Key = whisk.Key{UUID: owner.Key.UUID}
	}
	return &id, nil
}

// ownerOf is a namespace's owner, which is made when there is none.
func (p *Provider) ownerOf(ctx context.Context, namespace string) (*whisk.Identity, error) {
	owner, err := p.Owner(ctx, namespace)
	if !errors.Is(err, identity.ErrUnknown) {
		return owner, err
	}
	p.adopting.Lock()
	defer p.adopting.Unlock()
	if owner, err = p.Owner(ctx, namespace); !errors.Is(err, identity.ErrUnknown) { // another request made it
		return owner, err
	}
	if err := p.Adopt(ctx, namespace); err != nil {
		return nil, err
	}
	return p.Owner(ctx, namespace)
}

// grant is the one for a namespace, else the first; nil when the groups are granted nothing.
func (p *Provider) grant(groups []string, namespace string) *Grant {
	var first *Grant
	for i := range p.Grants {
		g := &p.Grants[i]
		if !slices.Contains(groups, g.Group) {
			continue
		}
		if g.Namespace == namespace {
			return g
		}
		if first == nil {
			first = g
		}
	}
	return first
}

// claims checks a token, or remembers that it did.
func (p *Provider) claims(ctx context.Context, token string) (claims, error) {
	sum := sha256.Sum256([]byte(token))
	p.mu.Lock()
	c, ok := p.known[sum]
	p.mu.Unlock()
	if ok {
		if time.Now().Before(c.expires) {
			return c, nil
		}
		return claims{}, identity.ErrUnknown
	}
	verifier, err := p.findVerifier(ctx)
	if err != nil {
		return claims{}, err
	}
	verified, err := verifier.Verify(oidc.ClientContext(ctx, p.client), token)
	if err != nil {
		if strings.Contains(err.Error(), "fetching keys") { // the library has no type for it
			return claims{}, unavailable(err)
		}
		return claims{}, identity.ErrUnknown
	}
	if c, err = p.read(verified); err != nil {
		return claims{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxCached {
		clear(p.known)
	}
	p.known[sum] = c
	return c, nil
}

// read takes what matters out of a token.
func (p *Provider) read(token *oidc.IDToken) (claims, error) {
	var members map[string]any
	if err := token.Claims(&members); err != nil {
		return claims{}, identity.ErrUnknown
	}
	c := claims{expires: token.Expiry}
	c.subject, _ = members[p.SubjectClaim].(string)
	switch groups := members[p.GroupsClaim].(type) {
	case string:
		c.groups = []string{groups}
	case []any:
		for _, g := range groups {
			if name, ok := g.(string); ok {
				c.groups = append(c.groups, name)
			}
		}
	}
	if c.subject == "" {
		return claims{}, identity.ErrUnknown
	}
	return c, nil
}

// findVerifier asks the issuer about itself, until it has answered once.
func (p *Provider) findVerifier(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	p.mu.Lock()
	v := p.verifier
	p.mu.Unlock()
	if v != nil {
		return v, nil
	}
	issuer, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.Issuer)
	if err != nil {
		return nil, unavailable(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.verifier = issuer.Verifier(&oidc.Config{ClientID: p.Audience})
	return p.verifier, nil
}

func unavailable(err error) error {
	return &whisk.Error{Kind: whisk.Unavailable, Message: "The issuer of tokens is not available; try again later.", Cause: err}
}
