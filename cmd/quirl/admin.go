package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quirl/admin"
	"quirl/internal/config"
	"quirl/store"
)

// adminCommand works on the store that `quirl serve` is configured to have.
func adminCommand(getenv func(string) string, stdout, stderr io.Writer) *cobra.Command {
	var flags struct{ store, data, config string }
	load := func() (serveConfig, error) {
		cfg := defaultServeConfig(getenv)
		err := config.Load(&cfg, flags.config, getenv, pflag.NewFlagSet("", pflag.ContinueOnError))
		if flags.store != "" {
			cfg.Store = flags.store
		}
		if flags.data != "" {
			cfg.Data = flags.data
		}
		if err == nil {
			err = config.Resolve(&cfg, getenv)
		}
		return cfg, err
	}
	// prepare finds what a store is opened with; without create a file must be there.
	prepare := func(url string, create bool) (serveConfig, string, error) {
		cfg, err := load()
		if err != nil {
			return cfg, "", err
		}
		if url == "" {
			url = cfg.Store
		}
		if file, ok := sqliteFile(url, cfg.Data); ok && !create {
			if _, err := os.Stat(file); err != nil {
				return cfg, "", fmt.Errorf("there is no database: %w", err)
			}
		}
		return cfg, url, nil
	}
	// openURL opens a store as it is: copies have what is encrypted encrypted.
	openURL := func(ctx context.Context, url string, create bool) (store.Store, error) {
		cfg, url, err := prepare(url, create)
		if err != nil {
			return nil, err
		}
		s, err := open(ctx, "store", url, stores, environment{data: cfg.Data})
		return s, mendFile(err)
	}
	openOwn := func(ctx context.Context) (store.Store, error) {
		cfg, url, err := prepare("", true)
		if err != nil {
			return nil, err
		}
		s, err := openStore(ctx, url, cfg.SecretKeys, environment{data: cfg.Data})
		return s, mendFile(err)
	}
	openAttachments := func(ctx context.Context) (store.Attachments, error) {
		cfg, err := load()
		if err != nil {
			return nil, err
		}
		return open(ctx, "attachments", cfg.Attachments, attachmentStores, environment{data: cfg.Data})
	}
	logFolder := func() (string, error) {
		cfg, err := load()
		return cfg.LogFolder, err
	}
	cmd := admin.Command(admin.Options{
		LogFolder: logFolder,
		Open:      openOwn, OpenURL: openURL, OpenAttachments: openAttachments, OpenWhisk: openWhisk, Out: stdout, Err: stderr, Database: schemaCommands(load, stdout),
	})
	cmd.AddCommand(backupCommands(load, stdout)...)
	f := cmd.PersistentFlags()
	f.StringVar(&flags.store, "store", "", "`URL` of the store; by default that of the configuration of quirl serve")
	f.StringVar(&flags.data, "data", "", "`FOLDER` of the data, likewise")
	f.StringVar(&flags.config, "config", getenv(config.EnvPrefix+"CONFIG"), "configuration `FILE` (YAML)")
	return cmd
}

// sqliteFile is the file of a store that is one.
func sqliteFile(text, data string) (file string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "sqlite" {
		return "", false
	}
	return databaseFile(u, data), true
}
