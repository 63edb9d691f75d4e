package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quirl/api"
	"quirl/entitlement/localentitlement"
	"quirl/identity/storeidentity"
	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/whisk"
)

// TestStaleCache: an update, or a deletion, by a controller that does not yet know of another
// one's write is neither refused nor done to the older state.
func TestStaleCache(t *testing.T) {
	ctx := t.Context()
	s, err := sqlitestore.Open(ctx, filepath.Join(t.TempDir(), "quirl.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	key := whisk.Key{UUID: "23bc46b1-71f6-4ed5-8c54-816aa4f8c502", Secret: strings.Repeat("x", 64)}
	if err := s.PutSubject(ctx, whisk.Subject{Name: "ann", Namespaces: []whisk.SubjectNamespace{{Name: "ann", Key: key}}}); err != nil {
		t.Fatal(err)
	}
	limits := whisk.DefaultLimits()
	ours := store.NewCached(s, 10)
	a := api.New(api.Config{
		Entities: ours, Shared: true, Activations: s, Identities: storeidentity.New(s, time.Minute), Entitlement: localentitlement.New(s, limits, time.Now),
		Limits: limits, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	call := func(method, body string) (code int, trigger whisk.Meta) {
		r := httptest.NewRequestWithContext(ctx, method, "/api/v1/namespaces/_/triggers/t?overwrite=true", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth(key.UUID, key.Secret)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		var answer struct{ Version string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %v in %s", method, err, w.Body)
		}
		if trigger.Version, err = whisk.ParseVersion(answer.Version); w.Code == 200 && err != nil {
			t.Fatal(err)
		}
		return w.Code, trigger
	}
	if code, _ := call("PUT", `{}`); code != 200 {
		t.Fatalf("create: %d", code)
	}
	call("GET", "") // which puts it into the cache
	elsewhere(ctx, t, s)
	if code, got := call("PUT", `{"annotations":[]}`); code != 200 || got.Version.String() != "0.0.3" {
		t.Errorf("update: %d, version %s; want 200 and 0.0.3, after the other's", code, got.Version)
	}
	call("GET", "")
	elsewhere(ctx, t, s)
	if code, got := call("DELETE", ""); code != 200 || got.Version.String() != "0.0.4" {
		t.Errorf("delete: %d, version %s; want 200 and 0.0.4, which the other wrote", code, got.Version)
	}
}

// elsewhere is a write of another controller, of which no notice came.
func elsewhere(ctx context.Context, t *testing.T, s store.Store) {
	t.Helper()
	trigger, err := store.Get[*whisk.Trigger](ctx, s, "ann/t")
	if err != nil {
		t.Fatal(err)
	}
	changed := *trigger
	changed.Version = changed.Version.Next()
	if _, err := s.PutEntity(ctx, &changed); err != nil {
		t.Fatal(err)
	}
}
