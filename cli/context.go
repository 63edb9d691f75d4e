package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"
)

// A context is a copy of the property file under a name, in the folder beside it. To use
// one is to put it in the file's place, so that every client that reads the file follows.
// The one in use is the one that has what the file has.

// contextName keeps names of contexts apart from paths.
var contextName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (a *app) contextCommand() *cobra.Command {
	cmd := noun("context", "work with several hosts and namespaces")
	list := &cobra.Command{Use: "list", Short: "list the contexts; * is in use", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return a.listContexts() }}
	save := &cobra.Command{Use: "save NAME", Short: "keep the properties as a context", RunE: a.onContext(a.saveContext)}
	var force bool
	use := &cobra.Command{Use: "use NAME", Short: "make the properties those of a context", RunE: a.onContext(func(name string) error { return a.useContext(name, force) })}
	use.Flags().BoolVar(&force, "force", false, "also when the properties are in no context, and are lost")
	remove := &cobra.Command{Use: "delete NAME", Short: "delete a context; the properties stay", RunE: a.onContext(a.deleteContext)}
	cmd.AddCommand(list, save, use, remove)
	for _, c := range []*cobra.Command{use, remove} {
		c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			names, _ := a.contexts() // a shell has no use for the reason
			return names, cobra.ShellCompDirectiveNoFileComp
		}
	}
	return cmd
}

// onContext checks the one argument of a command.
func (a *app) onContext(do func(name string) error) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		if err := argumentError(args, 1, 1, "The name of a context is required."); err != nil {
			return err
		}
		if !contextName.MatchString(args[0]) {
			return usageError("'%s' is no name of a context: letters, digits, '.', '_' and '-' are", args[0])
		}
		if a.propsFile() == "" {
			return usageError("There is no file for properties: WSK_CONFIG_FILE is set and empty. Unset it, or set it to a file.")
		}
		return do(args[0])
	}
}

func (a *app) contextFile(name string) string { return filepath.Join(a.propsFile()+".d", name) }

// contexts are the names of all, sorted.
func (a *app) contexts() ([]string, error) {
	if a.propsFile() == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(a.propsFile() + ".d")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list contexts: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && contextName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// propertyText is the property file as it is; nothing when there is none.
func (a *app) propertyText() ([]byte, error) {
	text, err := os.ReadFile(a.propsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

func (a *app) listContexts() error {
	names, err := a.contexts()
	if err != nil {
		return err
	}
	current, err := a.propertyText()
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(a.contextFile(name))
		if err != nil {
			return fmt.Errorf("read context: %w", err)
		}
		mark := " "
		if bytes.Equal(text, current) {
			mark = "*"
		}
		props := parseProps(text)
		fmt.Fprintf(a.Stdout, "%s %-20s %s %s\n", mark, name, props["APIHOST"], props["NAMESPACE"])
	}
	return nil
}

func (a *app) saveContext(name string) error {
	text, err := a.propertyText()
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return usageError("There are no properties: set them first with `%s property set --apihost HOST --auth KEY`", a.name)
	}
	if err := os.MkdirAll(filepath.Dir(a.contextFile(name)), 0o700); err != nil {
		return fmt.Errorf("make folder of contexts: %w", err)
	}
	if err := replace(a.contextFile(name), text); err != nil {
		return err
	}
	a.ok("saved context %s", name)
	return nil
}

func (a *app) useContext(name string, force bool) error {
	wanted, err := a.readContext(name)
	if err != nil {
		return err
	}
	current, err := a.propertyText()
	if err != nil {
		return err
	}
	names, err := a.contexts()
	if err != nil {
		return err
	}
	kept := len(current) == 0 || force
	for _, other := range names {
		text, err := os.ReadFile(a.contextFile(other))
		kept = kept || err == nil && bytes.Equal(text, current)
	}
	if !kept {
		return usageError("the properties in %s are in no context: keep them with `%s context save NAME`, or lose them with --force", a.propsFile(), a.name)
	}
	if err := replace(a.propsFile(), wanted); err != nil {
		return err
	}
	a.ok("using context %s: %s", name, parseProps(wanted)["APIHOST"])
	return nil
}

func (a *app) deleteContext(name string) error {
	if _, err := a.readContext(name); err != nil {
		return err
	}
	if err := os.Remove(a.contextFile(name)); err != nil {
		return fmt.Errorf("delete context: %w", err)
	}
	a.ok("deleted context %s", name)
	return nil
}

func (a *app) readContext(name string) ([]byte, error) {
	text, err := os.ReadFile(a.contextFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError("there is no context %s: see `%s context list`", name, a.name)
	}
	return text, err
}

// replace writes a file that only its owner may read, whole or not at all.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}
