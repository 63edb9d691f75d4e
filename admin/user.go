package admin

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quirl/store"
	"quirl/whisk"
)

const subjectRequired = "A subject is required."

// minSubject is the least length of a subject's name, in characters.
const minSubject = 5

func (a *admin) userCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "create, find, block and delete users and their keys"}
	cmd.AddCommand(a.userCreate(), a.userGet(), a.userDelete(), a.userWhois(), a.userList(), a.userBlock("block", true), a.userBlock("unblock", false))
	return cmd
}

func (a *admin) userCreate() *cobra.Command {
	var auth, namespace string
	var revoke, generate, silent bool
	cmd := &cobra.Command{Use: "create SUBJECT", Short: "create a user, or add a namespace to one, and print the key"}
	f := cmd.Flags()
	f.StringVarP(&auth, "auth", "u", "", "the `KEY` uuid:secret to use, instead of a random one")
	f.StringVarP(&namespace, "namespace", "n", "", "the `NAMESPACE`; by default that of the subject's name")
	f.BoolVarP(&revoke, "revoke", "r", false, "give the namespace another key; the present one opens nothing any more")
	f.BoolVarP(&generate, "genonly", "g", false, "print a key and store nothing")
	f.BoolVarP(&silent, "silent", "s", false, "print nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		key, err := givenKey(auth)
		if err != nil {
			return err
		}
		if generate {
			a.say("%s", key)
			return nil
		}
		return a.with(1, 1, subjectRequired, func(ctx context.Context, s store.Store, args []string) error {
			key, err := createUser(ctx, s, args[0], namespace, key, revoke, cmd.Flags().Changed("namespace"))
			if err == nil && !silent {
				a.say("%s", key)
			}
			return err
		})(cmd, args)
	}
	return cmd
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// givenKey reads a key; an empty text stands for a new one.
func givenKey(text string) (whisk.Key, error) {
	if text == "" {
		return whisk.NewKey(), nil
	}
	id, secret, _ := strings.Cut(text, ":")
	switch {
	case !uuid.MatchString(id):
		return whisk.Key{}, misused("authorization id is not a valid UUID")
	case len(secret) < whisk.SecretLength:
		return whisk.Key{}, misused("authorization key must be at least %d characters long", whisk.SecretLength)
	}
	return whisk.Key{UUID: id, Secret: secret}, nil
}

func createUser(ctx context.Context, s store.Store, name, namespace string, key whisk.Key, revoke, named bool) (whisk.Key, error) {
	switch {
	case len([]rune(name)) < minSubject:
		return key, misused("Subject name must be at least %d characters", minSubject)
	case named && strings.TrimSpace(namespace) == "":
		return key, misused("Namespace must not be empty")
	case namespace == "":
		namespace = name
	}
	if !whisk.ValidName(namespace) {
		return key, misused("%q cannot be the name of a namespace", namespace)
	}
	subject, err := s.Subject(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		subject, err = &whisk.Subject{Name: name}, nil
	}
	if err != nil {
		return key, err
	}
	if subject.Blocked {
		return key, failed("The subject you want to edit is blocked")
	}
	at := slices.IndexFunc(subject.Namespaces, func(n whisk.SubjectNamespace) bool { return n.Name == namespace })
	switch {
	case at < 0:
		subject.Namespaces = append(subject.Namespaces, whisk.SubjectNamespace{Name: namespace, Key: key})
	case revoke:
		subject.Namespaces[at].Key = key
	default:
		return key, failed("Namespace already exists")
	}
	return key, s.PutSubject(ctx, *subject)
}

// editable reads a subject that may be read or changed.
func editable(ctx context.Context, s store.Store, name string) (*whisk.Subject, error) {
	subject, err := s.Subject(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, failed("Subject \"%s\" does not exist", name)
	}
	if err == nil && subject.Blocked {
		return nil, failed("The subject you want to edit is blocked")
	}
	return subject, err
}

func (a *admin) userGet() *cobra.Command {
	var namespace string
	var all bool
	cmd := &cobra.Command{Use: "get SUBJECT", Short: "print a user's key"}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the `NAMESPACE`; by default that of the subject's name")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "print the keys of all namespaces")
	cmd.RunE = a.with(1, 1, subjectRequired, func(ctx context.Context, s store.Store, args []string) error {
		subject, err := editable(ctx, s, args[0])
		if err != nil {
			return err
		}
		if namespace == "" {
			namespace = subject.Name
		}
		for _, n := range subject.Namespaces {
			if all {
				a.say("%s\t%s", n.Name, n.Key)
			} else if n.Name == namespace {
				a.say("%s", n.Key)
				return nil
			}
		}
		if !all {
			return failed("namespace \"%s\" not found for \"%s\"", namespace, subject.Name)
		}
		return nil
	})
	return cmd
}

func (a *admin) userDelete() *cobra.Command {
	var namespace string
	cmd := &cobra.Command{Use: "delete SUBJECT", Short: "delete a user, or one namespace of it"}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the `NAMESPACE` to take from the user")
	cmd.RunE = a.with(1, 1, subjectRequired, func(ctx context.Context, s store.Store, args []string) error {
		subject, err := editable(ctx, s, args[0])
		if err != nil {
			return err
		}
		if namespace == "" {
			if err := s.DeleteSubject(ctx, subject.Name); err != nil {
				return err
			}
			a.say("Subject deleted")
			return nil
		}
		kept := slices.DeleteFunc(slices.Clone(subject.Namespaces), func(n whisk.SubjectNamespace) bool { return n.Name == namespace })
		if len(kept) == len(subject.Namespaces) {
			return failed("Namespace \"%s\" does not exist for \"%s\"", namespace, subject.Name)
		}
		subject.Namespaces = kept
		if err := s.PutSubject(ctx, *subject); err != nil {
			return err
		}
		a.say("Namespace deleted")
		return nil
	})
	return cmd
}

func (a *admin) userWhois() *cobra.Command {
	cmd := &cobra.Command{Use: "whois KEY", Short: "say whose key uuid:secret is"}
	cmd.RunE = a.with(1, 1, "A key is required.", func(ctx context.Context, s store.Store, args []string) error {
		id, secret, _ := strings.Cut(args[0], ":")
		identity, err := s.Identity(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && secret != "" && identity.Key.Secret != secret {
			return failed("Subject id is not recognized")
		}
		if err != nil {
			return err
		}
		a.say("subject: %s\nnamespace: %s", identity.Subject, identity.Namespace)
		return nil
	})
	return cmd
}

func (a *admin) userList() *cobra.Command {
	var pick int
	var all, keys bool
	cmd := &cobra.Command{Use: "list NAMESPACE", Short: "list the keys of a namespace with their users"}
	cmd.Flags().IntVarP(&pick, "pick", "p", 1, "list so `MANY` keys")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "list all keys")
	cmd.Flags().BoolVarP(&keys, "key", "k", false, "print the keys alone")
	cmd.RunE = a.with(1, 1, "A namespace is required.", func(ctx context.Context, s store.Store, args []string) error {
		subjects, err := s.Subjects(ctx)
		if err != nil {
			return err
		}
		found := 0
		for _, subject := range subjects {
			for _, n := range subject.Namespaces {
				if n.Name != args[0] || subject.Blocked || !all && found >= pick {
					continue
				}
				if found++; keys {
					a.say("%s", n.Key)
				} else {
					a.say("%s\t%s", n.Key, subject.Name)
				}
			}
		}
		if found == 0 {
			return failed("no identities found for namespace \"%s\"", args[0])
		}
		return nil
	})
	return cmd
}

// userBlock is block or unblock. Its exit code is the number of those that it failed for.
func (a *admin) userBlock(verb string, blocked bool) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " SUBJECT...", Short: verb + " users: " + map[bool]string{true: "their keys open nothing", false: "their keys work again"}[blocked]}
	cmd.RunE = a.with(1, -1, subjectRequired, func(ctx context.Context, s store.Store, args []string) error {
		var problems []string
		for _, name := range args {
			if strings.TrimSpace(name) == "" {
				continue
			}
			subject, err := s.Subject(ctx, name)
			if err == nil {
				subject.Blocked = blocked
				err = s.PutSubject(ctx, *subject)
			}
			if err != nil {
				problems = append(problems, "Failed to "+verb+" \""+name+"\" ("+err.Error()+")")
				continue
			}
			a.say("\"%s\" %sed successfully", name, verb)
		}
		if len(problems) > 0 {
			return &Error{min(len(problems), 255), strings.Join(problems, "\n")}
		}
		return nil
	})
	return cmd
}
