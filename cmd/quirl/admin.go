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
	"quirl/store/pgstore"
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
	cmd := admin.Command(admin.Options{
		Open: openOwn, OpenURL: openURL, OpenAttachments: openAttachments, OpenWhisk: openWhisk, Out: stdout, Err: stderr, Database: migrationCommands(load, stdout),
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

// migrationCommands are about the schema of PostgreSQL databases.
func migrationCommands(load func() (serveConfig, error), stdout io.Writer) []*cobra.Command {
	// of makes a command of what is done with the URL of a PostgreSQL database.
	of := func(use, short string, do func(ctx context.Context, url string) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			u, err := url.Parse(cfg.Store)
			if err != nil {
				return withoutText(err)
			}
			if u.Scheme != "postgres" && u.Scheme != "postgresql" {
				return &admin.Error{Code: 1, Text: fmt.Sprintf("the store %s:// has no migrations: its schema is made when it is opened", u.Scheme)}
			}
			return do(cmd.Context(), cfg.Store)
		}}
	}
	return []*cobra.Command{of("migrate", "bring the schema up to date, which quirl serve does by itself, too", func(ctx context.Context, url string) error {
		applied, err := pgstore.Migrate(ctx, url)
		for _, m := range applied {
			fmt.Fprintf(stdout, "applied %04d %s\n", m.Number, m.Name)
		}
		if err == nil && len(applied) == 0 {
			fmt.Fprintln(stdout, "the schema is up to date")
		}
		return err
	}), of("status", "list the migrations, and when they were applied", func(ctx context.Context, url string) error {
		all, err := pgstore.Status(ctx, url)
		for _, m := range all {
			when := "not applied"
			if !m.Applied.IsZero() {
				when = "applied " + m.Applied.UTC().Format("2006-01-02 15:04:05Z")
			}
			fmt.Fprintf(stdout, "%04d %-30s %s\n", m.Number, m.Name, when)
		}
		return err
	})}
}
