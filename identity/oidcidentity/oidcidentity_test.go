package oidcidentity_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"quirl/identity"
	"quirl/identity/oidcidentity"
	"quirl/whisk"
)

// an issuer signs tokens, and can be away.
type issuer struct {
	*httptest.Server
	key      *rsa.PrivateKey
	requests atomic.Int64
	away     atomic.Bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	is := &issuer{key: key}
	server := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.RS256}}}
	is.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if is.requests.Add(1); is.away.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		server.ServeHTTP(w, r)
	}))
	server.SetIssuer(is.URL)
	t.Cleanup(is.Close)
	return is
}

// token makes one of ann for the audience quirl, with further claims as JSON members.
func (is *issuer) token(expires time.Time, more string) string {
	return oidctest.SignIDToken(is.key, "k", oidc.RS256, fmt.Sprintf(`{"iss":%q,"aud":"quirl","sub":"ann","exp":%d%s}`, is.URL, expires.Unix(), more))
}

// keys are a provider of owners alone.
type keys struct {
	owners  map[string]*whisk.Identity
	adopted []string
}

func (*keys) Authenticate(_ context.Context, c identity.Credentials) (*whisk.Identity, error) {
	return &whisk.Identity{Subject: "by key " + c.User}, nil
}

func (k *keys) Owner(_ context.Context, namespace string) (*whisk.Identity, error) {
	if id := k.owners[namespace]; id != nil {
		return id, nil
	}
	return nil, identity.ErrUnknown
}

func (k *keys) adopt(_ context.Context, namespace string) error {
	k.adopted = append(k.adopted, namespace)
	k.owners[namespace] = &whisk.Identity{Subject: namespace, Namespace: namespace, Key: whisk.NewKey()}
	return nil
}

func provider(t *testing.T, is *issuer) (*oidcidentity.Provider, *keys) {
	t.Helper()
	grants, err := oidcidentity.ParseGrants("devs=team, devs=shared:read ,cn=ops=prod, callers=team:invoke")
	if err != nil {
		t.Fatal(err)
	}
	five := 5
	k := &keys{owners: map[string]*whisk.Identity{
		"team": {Subject: "team", Namespace: "team", Key: whisk.NewKey(), Limits: whisk.NamespaceLimits{FiresPerMinute: &five}},
	}}
	return oidcidentity.New(oidcidentity.Config{
		Issuer: is.URL, Audience: "quirl", SubjectClaim: "sub", GroupsClaim: "groups", Grants: grants, Adopt: k.adopt,
	}, k), k
}

func TestTokens(t *testing.T) {
	is := newIssuer(t)
	p, k := provider(t, is)
	later := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		claims, asked, namespace string
		scope                    whisk.Scope
	}{
		{`,"groups":["devs"]`, "", "team", whisk.AllScope},
		{`,"groups":["x","devs"]`, "_", "team", whisk.AllScope},
		{`,"groups":["devs"]`, "shared", "shared", whisk.ReadScope},
		{`,"groups":["devs"]`, "prod", "team", whisk.AllScope}, // whose rights it has, and no others
		{`,"groups":"callers"`, "team", "team", whisk.InvokeScope},
		{`,"groups":["cn=ops"]`, "", "prod", whisk.AllScope},
	} {
		id, err := p.Authenticate(t.Context(), identity.Credentials{Token: is.token(later, tt.claims), Namespace: tt.asked})
		if err != nil || id.Subject != "ann" || id.Namespace != tt.namespace || id.Scope != tt.scope || id.Expires.Unix() != later.Unix() {
			t.Errorf("%s for %q: got %+v, %v", tt.claims, tt.asked, id, err)
			continue
		}
		if owner := k.owners[tt.namespace]; (id.Key == owner.Key) != (tt.scope == whisk.AllScope) || id.Key.UUID != owner.Key.UUID {
			t.Errorf("%s for %q: key %s, the owner's is %s", tt.claims, tt.asked, id.Key, owner.Key)
		}
		if tt.namespace == "team" && (id.Limits.FiresPerMinute == nil || *id.Limits.FiresPerMinute != 5) {
			t.Errorf("%s for %q: limits %+v", tt.claims, tt.asked, id.Limits)
		}
	}
	if len(k.adopted) != 2 { // shared and prod, once each
		t.Errorf("adopted %v", k.adopted)
	}
	if id, err := p.Authenticate(t.Context(), identity.Credentials{User: "u"}); err != nil || id.Subject != "by key u" {
		t.Errorf("a key: got %+v, %v", id, err)
	}
}

func TestRefusedTokens(t *testing.T) {
	is, other := newIssuer(t), newIssuer(t)
	p, k := provider(t, is)
	later := time.Now().Add(time.Hour)
	good := is.token(later, `,"groups":["devs"]`)
	for what, token := range map[string]string{
		"no token":         "nonsense",
		"expired":          is.token(time.Now().Add(-time.Minute), `,"groups":["devs"]`),
		"another audience": oidctest.SignIDToken(is.key, "k", oidc.RS256, fmt.Sprintf(`{"iss":%q,"aud":"x","sub":"ann","exp":%d,"groups":["devs"]}`, is.URL, later.Unix())),
		"another issuer":   other.token(later, `,"groups":["devs"]`),
		"another's key":    oidctest.SignIDToken(other.key, "k", oidc.RS256, fmt.Sprintf(`{"iss":%q,"aud":"quirl","sub":"ann","exp":%d,"groups":["devs"]}`, is.URL, later.Unix())),
		"no group":         is.token(later, ``),
		"a strange group":  is.token(later, `,"groups":["strangers",5]`),
		"no subject":       oidctest.SignIDToken(is.key, "k", oidc.RS256, fmt.Sprintf(`{"iss":%q,"aud":"quirl","exp":%d,"groups":["devs"]}`, is.URL, later.Unix())),
		"cut off":          good[:len(good)-5],
	} {
		for range 2 {
			if id, err := p.Authenticate(t.Context(), identity.Credentials{Token: token}); !errors.Is(err, identity.ErrUnknown) || id != nil {
				t.Errorf("%s: got %+v, %v; want %v", what, id, err, identity.ErrUnknown)
			}
		}
	}
	if len(k.adopted) > 0 {
		t.Errorf("adopted %v", k.adopted)
	}
	// One that was accepted ends when it expires.
	soon := is.token(time.Now().Add(2*time.Second), `,"groups":["devs"]`)
	if _, err := p.Authenticate(t.Context(), identity.Credentials{Token: soon}); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * time.Second)
	if _, err := p.Authenticate(t.Context(), identity.Credentials{Token: soon}); !errors.Is(err, identity.ErrUnknown) {
		t.Errorf("after its end: got %v, want %v", err, identity.ErrUnknown)
	}
}

// TestIssuerAway: who is known stays so; others are told to try again.
func TestIssuerAway(t *testing.T) {
	is := newIssuer(t)
	p, _ := provider(t, is)
	later := time.Now().Add(time.Hour)
	token := is.token(later, `,"groups":["devs"]`)
	is.away.Store(true)
	if _, err := p.Authenticate(t.Context(), identity.Credentials{Token: token}); whisk.KindOf(err) != whisk.Unavailable {
		t.Errorf("got %v, want that it is away", err)
	}
	is.away.Store(false)
	if _, err := p.Authenticate(t.Context(), identity.Credentials{Token: token}); err != nil {
		t.Error(err)
	}
	is.away.Store(true)
	asked := is.requests.Load()
	for range 3 {
		if _, err := p.Authenticate(t.Context(), identity.Credentials{Token: token}); err != nil {
			t.Error(err)
		}
	}
	if n := is.requests.Load() - asked; n > 0 {
		t.Errorf("the issuer was asked %d times about a known token", n)
	}
}

func TestParseGrants(t *testing.T) {
	for _, text := range []string{"a", "=b", "a=", "a=b:write", "a=_", "a=b/c"} {
		if g, err := oidcidentity.ParseGrants(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, g)
		}
	}
	if g, err := oidcidentity.ParseGrants(" , "); err != nil || len(g) != 0 {
		t.Errorf("nothing: got %+v, %v", g, err)
	}
}
