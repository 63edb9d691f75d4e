package admin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quirl/store"
	"quirl/store/sealedstore"
)

func (a *admin) secretsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "secrets", Short: "encrypt the secrets of users' keys in the store",
		Long: "The secrets of users' keys are encrypted in the store when the setting secret-keys has a key: new ones with its first\none. To begin, or to take another key, put a new one first, restart the servers, and type secrets rotate; then\nthe old ones can go.",
	}
	cmd.AddCommand(a.secretsGenerate(), a.secretsStatus(), a.secretsRotate())
	return cmd
}

func (a *admin) secretsGenerate() *cobra.Command {
	return &cobra.Command{Use: "generate NAME", Short: "print a new key for the setting secret-keys", RunE: func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return misused("A name for the key is required.")
		}
		line := sealedstore.NewRingKey(args[0])
		if _, err := sealedstore.ParseRing(line); err != nil {
			return misused("%q cannot be the name of a key: it has letters, digits and any of . _ -", args[0])
		}
		a.say("%s", line)
		return nil
	}}
}

// withSecrets makes a command of what is done with a store whose secrets are sealed.
func (a *admin) withSecrets(do func(ctx context.Context, s *sealedstore.Store) error) func(*cobra.Command, []string) error {
	return a.with(0, 0, "There are no arguments.", func(ctx context.Context, s store.Store, _ []string) error {
		for s != nil {
			if sealed, ok := s.(*sealedstore.Store); ok {
				return do(ctx, sealed)
			}
			wrapper, ok := s.(interface{ Unwrap() store.Store })
			if !ok {
				break
			}
			s = wrapper.Unwrap()
		}
		return failed("the secrets of this store cannot be encrypted")
	})
}

func (a *admin) secretsStatus() *cobra.Command {
	return &cobra.Command{Use: "status", Short: "count the secrets that each key encrypted", RunE: a.withSecrets(func(ctx context.Context, s *sealedstore.Store) error {
		counts, err := s.Secrets(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tSECRETS")
		for _, key := range slices.Sorted(maps.Keys(counts)) {
			n := counts[key]
			if key == "" {
				key = "(not encrypted)"
			}
			fmt.Fprintf(w, "%s\t%d\n", key, n)
		}
		return w.Flush()
	})}
}

func (a *admin) secretsRotate() *cobra.Command {
	return &cobra.Command{Use: "rotate", Short: "encrypt all secrets with the first key of secret-keys", RunE: a.withSecrets(func(ctx context.Context, s *sealedstore.Store) error {
		n, err := s.Reseal(ctx)
		if err != nil {
			return fmt.Errorf("rewrote %d users; then: %w", n, err)
		}
		a.say("rewrote %d users", n)
		return nil
	})}
}
