package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// cluster measures calls through a controller, Kafka and an invoker, and the floor under them; it needs
// a broker and a database.
func cluster(ctx context.Context, o options) ([]row, error) {
	if o.kafka == "" || o.postgres == "" {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "quirl-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	shared := []string{
		"--store", o.postgres, "--bus", fmt.Sprintf("%s/bench%d-", o.kafka, time.Now().Unix()), "--attachments", "file://" + filepath.Join(dir, "code"), "--invocations-per-minute=100000000",
	}
	controller, err := startRole(ctx, "controller", filepath.Join(dir, "controller"), shared...)
	if err != nil {
		return nil, err
	}
	defer controller.stop()
	invoker, err := startRole(ctx, "invoker", filepath.Join(dir, "invoker"), append(shared, "--api-host", "http://"+controller.addr, "--stem-cells=false", "--pause-after=0s")...)
	if err != nil {
		return nil, err
	}
	defer invoker.stop()
	if err := controller.create("noop", noop); err != nil {
		return nil, err
	}
	for began := time.Now(); ; controller.settle() { // until the invoker was heard of
		if _, err = controller.invoke("noop"); err == nil {
			break
		}
		if time.Since(began) > 20*time.Second {
			return nil, err
		}
	}
	for range o.calls / 3 {
		if _, err := controller.invoke("noop"); err != nil {
			return nil, err
		}
	}
	sockets, err := invoker.sockets()
	if err != nil || len(sockets) != 1 {
		return nil, fmt.Errorf("%d containers after serial calls, want 1: %w", len(sockets), err)
	}
	floor, err := newFloor(sockets[0])
	if err != nil {
		return nil, err
	}
	defer floor.close()
	r := row{what: "warm call through controller, Kafka and invoker", target: "+3.5 ms P50, +12 ms P99"}
	r.stats, r.floor, err = turns(o.calls, 1, floor, func() (time.Duration, error) { return controller.invoke("noop") })
	if err != nil {
		return nil, err
	}
	return []row{r}, nil
}
