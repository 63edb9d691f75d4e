package lifecycle_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/internal/lifecycle"
)

// recorder notes the order in which parts stop.
type recorder struct {
	mu    sync.Mutex
	order []string
}

func (r *recorder) part(name string) lifecycle.RunnerFunc {
	return func(ctx context.Context) error {
		<-ctx.Done()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.order = append(r.order, name)
		return nil
	}
}

func TestStopsFromTheTop(t *testing.T) {
	for name, fails := range map[string]error{"by its context": nil, "by a part that fails": errors.New("no luck")} {
		t.Run(name, func(t *testing.T) {
			var r recorder
			ctx, cancel := context.WithCancel(t.Context())
			s := lifecycle.Stack{Grace: time.Minute, Log: slog.New(slog.DiscardHandler)}
			s.Add("store", r.part("store"))
			s.Add("bus", r.part("bus"))
			s.Add("trigger", lifecycle.RunnerFunc(func(ctx context.Context) error {
				if fails == nil {
					cancel()
					<-ctx.Done()
				}
				return fails
			}))
			s.Add("ingress", r.part("ingress"))
			if err := s.Run(ctx); !errors.Is(err, fails) {
				t.Errorf("run: %v, want %v", err, fails)
			}
			if diff := cmp.Diff([]string{"ingress", "bus", "store"}, r.order); diff != "" {
				t.Errorf("order of stopping (-want +got):\n%s", diff)
			}
			cancel()
		})
	}
}

func TestGraceEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		s := lifecycle.Stack{Grace: 30 * time.Second, Log: slog.New(slog.DiscardHandler)}
		s.Add("deaf", lifecycle.RunnerFunc(func(context.Context) error { <-release; return nil }))
		cancel()
		began := time.Now()
		if err := s.Run(ctx); err == nil || time.Since(began) != 30*time.Second {
			t.Errorf("run: %v after %v, want an error after 30s", err, time.Since(began))
		}
		close(release)
	})
}
