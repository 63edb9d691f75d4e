package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"quirl/admin"
	"quirl/internal/migration"
	"quirl/store/pgstore"
	"quirl/store/sqlitestore"
)

// A schema is what can be done about that of a database, named as its store names it.
type schema struct {
	name    string // of the database
	migrate func(ctx context.Context, name string) ([]migration.Step, error)
	status  func(ctx context.Context, name string) ([]migration.Step, error)
	// check returns what is damaged.
	check func(ctx context.Context, name string) ([]string, error)
}

// schemaOf finds that of the configured store.
func schemaOf(cfg serveConfig) (schema, error) {
	u, err := url.Parse(cfg.Store)
	if err != nil {
		return schema{}, withoutText(err)
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		return schema{name: cfg.Store, migrate: pgstore.Migrate, status: pgstore.Status}, nil
	case "sqlite":
		file := databaseFile(u, cfg.Data)
		return schema{name: file, migrate: sqlitestore.Migrate, status: sqlitestore.Status, check: sqlitestore.Problems}, nil
	}
	return schema{}, &admin.Error{Code: 1, Text: fmt.Sprintf("the store %s:// has no migrations: its schema is made when it is opened", u.Scheme)}
}

// schemaCommands are about the schema of the configured database, and whether it is whole.
func schemaCommands(load func() (serveConfig, error), stdout io.Writer) []*cobra.Command {
	of := func(use, short string, do func(ctx context.Context, s schema) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			s, err := schemaOf(cfg)
			if err != nil {
				return err
			}
			return do(cmd.Context(), s)
		}}
	}
	return []*cobra.Command{of("migrate", "bring the schema up to date, which quirl serve does by itself, too", func(ctx context.Context, s schema) error {
		applied, err := s.migrate(ctx, s.name)
		for _, m := range applied {
			fmt.Fprintf(stdout, "applied %04d %s\n", m.Number, m.Name)
		}
		if err == nil && len(applied) == 0 {
			fmt.Fprintln(stdout, "the schema is up to date")
		}
		return err
	}), of("status", "list the migrations, and when they were applied", func(ctx context.Context, s schema) error {
		all, err := s.status(ctx, s.name)
		for _, m := range all {
			when := "not applied"
			if !m.Applied.IsZero() {
				when = "applied " + m.Applied.UTC().Format("2006-01-02 15:04:05Z")
			}
			fmt.Fprintf(stdout, "%04d %-30s %s\n", m.Number, m.Name, when)
		}
		return err
	}), of("check", "read the whole database, while it is used, and say what is damaged", func(ctx context.Context, s schema) error {
		if s.check == nil {
			return &admin.Error{Code: 1, Text: "this database is checked by its own tools (for PostgreSQL pg_amcheck)"}
		}
		problems, err := s.check(ctx, s.name)
		for _, p := range problems {
			fmt.Fprintln(stdout, p)
		}
		switch {
		case err != nil:
			return err
		case len(problems) > 0:
			return &admin.Error{Code: 1, Text: "the database is damaged: keep a copy of it and bring back a backup with 'quirl admin restore'"}
		}
		fmt.Fprintln(stdout, "the database is whole")
		return nil
	})}
}
