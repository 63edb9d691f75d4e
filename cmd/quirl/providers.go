package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"quirl/admin"
	"quirl/bus"
	"quirl/bus/kafkabus"
	"quirl/bus/membus"
	"quirl/container"
	"quirl/container/processcontainer"
	"quirl/logstore"
	"quirl/logstore/storelog"
	"quirl/store"
	"quirl/store/couchstore"
	"quirl/store/pgstore"
	"quirl/store/s3attachments"
	"quirl/store/sealedstore"
	"quirl/store/sqlitestore"
)

// This file maps the scheme of a configured URL to the constructor of its
// provider: the one place that knows the implementations.

// An environment is what constructors may need beside their URL.
type environment struct {
	data string // the data folder
	log  *slog.Logger
}

var stores = map[string]func(context.Context, *url.URL, environment) (store.Store, error){
	"sqlite": func(ctx context.Context, u *url.URL, env environment) (store.Store, error) {
		return sqlitestore.Open(ctx, databaseFile(u, env.data))
	},
	"postgres":   openPostgres,
	"postgresql": openPostgres,
	"couchdb":    openCouch,
	"couchdbs":   openCouch,
}

// databaseFile is where a sqlite:// database lies.
func databaseFile(u *url.URL, data string) string {
	if u.Path != "" {
		return u.Path
	}
	return filepath.Join(data, "quirl.db")
}

func openPostgres(ctx context.Context, u *url.URL, _ environment) (store.Store, error) {
	return pgstore.Open(ctx, u.String())
}

func openCouch(ctx context.Context, u *url.URL, _ environment) (store.Store, error) {
	return couchstore.Open(ctx, u)
}

// openWhisk connects to the databases of an OpenWhisk.
func openWhisk(ctx context.Context, text string, problem func(id string, err error)) (admin.OpenWhisk, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, withoutText(err)
	}
	if u.Scheme != "couchdb" && u.Scheme != "couchdbs" {
		return nil, fmt.Errorf("OpenWhisk is imported from couchdb:// or couchdbs://, not from %s://", u.Scheme)
	}
	return couchstore.ReadOpenWhisk(ctx, u, problem)
}

var attachmentStores = map[string]func(context.Context, *url.URL, environment) (store.Attachments, error){
	"file": func(_ context.Context, u *url.URL, env environment) (store.Attachments, error) {
		dir := u.Path
		if dir == "" {
			dir = filepath.Join(env.data, "attachments")
		}
		return store.NewFileAttachments(dir)
	},
	"s3": func(ctx context.Context, u *url.URL, _ environment) (store.Attachments, error) {
		return s3attachments.Open(ctx, u)
	},
}

var buses = map[string]func(context.Context, *url.URL, environment) (bus.Bus, error){
	"mem": func(_ context.Context, u *url.URL, _ environment) (bus.Bus, error) {
		capacity := membus.DefaultCapacity
		if text := u.Query().Get("capacity"); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("capacity %q is no positive number", text)
			}
			capacity = n
		}
		return membus.New(capacity), nil
	},
	"kafka":  openKafka,
	"kafkas": openKafka,
}

// openKafka notes positions in the data folder.
func openKafka(ctx context.Context, u *url.URL, env environment) (bus.Bus, error) {
	o, err := kafkabus.Parse(u)
	if err != nil {
		return nil, err
	}
	o.Positions, o.Log = filepath.Join(env.data, "positions"), env.log
	return kafkabus.Open(ctx, o)
}

var factories = map[string]func(context.Context, *url.URL, environment) (container.Factory, error){
	"sandbox": openSandbox,
	"docker":  openDocker,
	"process": func(_ context.Context, _ *url.URL, env environment) (container.Factory, error) {
		env.log.Warn("functions run without isolation: use this for trusted code only")
		return processcontainer.New(processcontainer.Config{Dir: filepath.Join(env.data, "processes"), Log: env.log})
	},
}

var logStores = map[string]func(context.Context, *url.URL, environment) (logstore.Store, error){
	"record": func(context.Context, *url.URL, environment) (logstore.Store, error) { return storelog.Store{}, nil },
}

// withoutText is an error about a URL without the URL, in which there may be a password.
func withoutText(err error) error {
	var bad *url.Error
	if errors.As(err, &bad) {
		return bad.Err
	}
	return err
}

// openStore opens a store whose secrets are encrypted as secretKeys say.
func openStore(ctx context.Context, text, secretKeys string, env environment) (store.Store, error) {
	ring, err := sealedstore.ParseRing(secretKeys)
	if err != nil {
		return nil, fmt.Errorf("secret-keys: %w", err)
	}
	s, err := open(ctx, "store", text, stores, env)
	if err != nil {
		return nil, err
	}
	return sealedstore.New(s, ring), nil
}

// open finds and calls the constructor for a configured URL.
func open[T any](ctx context.Context, key, text string, table map[string]func(context.Context, *url.URL, environment) (T, error), env environment) (T, error) {
	var none T
	u, err := url.Parse(text)
	if err != nil {
		return none, fmt.Errorf("%s: %w", key, withoutText(err))
	}
	constructor := table[u.Scheme]
	if constructor == nil {
		return none, fmt.Errorf("%s: nothing provides %q; known are %s", key, u.Scheme+"://", strings.Join(slices.Sorted(maps.Keys(table)), ", "))
	}
	v, err := constructor(ctx, u, env)
	if err != nil {
		return none, fmt.Errorf("%s %s: %w", key, u.Redacted(), err)
	}
	return v, nil
}
