package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"quirl/client"
)

// A property is one line of the property file as the command line shows it.
type property struct {
	flag       string // of `property get`, `set` and `unset`
	key        string // in the file; empty for what the server knows
	label, sep string
	value      func(a *app) string
}

func (a *app) propertyList() []property {
	return []property{
		{"cert", "CERT", "client cert", "\t\t", func(a *app) string { return a.setting(a.flags.cert, "", "CERT", "") }},
		{"key", "KEY", "Client key", "\t\t", func(a *app) string { return a.setting(a.flags.key, "", "KEY", "") }},
		{"auth", "AUTH", "whisk auth", "\t\t", func(a *app) string { return a.setting(a.flags.auth, "WHISK_AUTH", "AUTH", "") }},
		{"apihost", "APIHOST", "whisk API host", "\t\t", func(a *app) string { return a.setting(a.flags.apihost, "WHISK_APIHOST", "APIHOST", "") }},
		{"apiversion", "APIVERSION", "whisk API version", "\t", func(a *app) string { return a.setting(a.flags.apiversion, "WHISK_APIVERSION", "APIVERSION", "v1") }},
	}
}

func (a *app) propertyCommand() *cobra.Command {
	cmd := noun("property", "work with whisk properties")
	cmd.AddCommand(a.propertyGet(), a.propertySet(), a.propertyUnset())
	return cmd
}

func (a *app) propertySet() *cobra.Command {
	return &cobra.Command{
		Use: "set", Short: "set property", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			texts := map[string]string{
				"CERT":       "client cert set. Run 'wsk property get --cert' to see the new value.",
				"KEY":        "client key set. Run 'wsk property get --key' to see the new value.",
				"AUTH":       "whisk auth set. Run 'wsk property get --auth' to see the new value.",
				"APIHOST":    "whisk API host set to " + a.flags.apihost,
				"APIVERSION": "whisk API version set to " + a.flags.apiversion,
			}
			given := map[string]string{"CERT": a.flags.cert, "KEY": a.flags.key, "AUTH": a.flags.auth, "APIHOST": a.flags.apihost, "APIVERSION": a.flags.apiversion}
			props, err := a.loadProps()
			if err != nil {
				return err
			}
			var said []string
			for _, p := range a.propertyList() {
				if given[p.key] != "" {
					props[p.key] = given[p.key]
					said = append(said, texts[p.key])
				}
			}
			if len(said) == 0 {
				return usageError("Nothing to set: name a property, for example --apihost HOST or --auth KEY.")
			}
			if err := a.saveProps(props); err != nil {
				return err
			}
			for _, text := range said {
				a.ok("%s", text)
			}
			return nil
		},
	}
}

func (a *app) propertyUnset() *cobra.Command {
	cmd := &cobra.Command{Use: "unset", Short: "unset property", Args: cobra.NoArgs}
	chosen := map[string]*bool{}
	for _, p := range a.propertyList() {
		chosen[p.key] = cmd.Flags().Bool(p.flag, false, p.label)
	}
	cmd.RunE = func(*cobra.Command, []string) error {
		props, err := a.loadProps()
		if err != nil {
			return err
		}
		for _, p := range a.propertyList() {
			if !*chosen[p.key] {
				continue
			}
			delete(props, p.key)
			text := p.label + " unset"
			if p.key == "APIVERSION" {
				text += "; the default value of v1 will be used"
			}
			a.ok("%s.", text)
		}
		return a.saveProps(props)
	}
	return cmd
}

func (a *app) propertyGet() *cobra.Command {
	cmd := &cobra.Command{Use: "get", Short: "get property", Args: cobra.NoArgs}
	f := cmd.Flags()
	chosen := map[string]*bool{}
	rows := a.propertyRows()
	for _, p := range rows {
		chosen[p.flag] = f.Bool(p.flag, false, p.label)
	}
	all := f.Bool("all", false, "all properties")
	output := f.StringP("output", "o", "std", "output format, std or raw")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if a.props, err = a.loadProps(); err != nil {
			return err
		}
		any := false
		for _, c := range chosen {
			any = any || *c
		}
		for _, p := range rows {
			if any && !*all && !*chosen[p.flag] {
				continue
			}
			value := p.value(a)
			if *output == "raw" {
				fmt.Fprintln(a.Stdout, value)
			} else {
				fmt.Fprintf(a.Stdout, "%s%s%s\n", p.label, p.sep, value)
			}
		}
		return nil
	}
	return cmd
}

// propertyRows are the stored properties and what the server and this program know.
func (a *app) propertyRows() []property {
	return append(a.propertyList(),
		property{"namespace", "", "whisk namespace", "\t\t", func(a *app) string { return a.ownNamespace() }},
		property{"cliversion", "", "whisk CLI version", "\t", func(a *app) string { return a.Build }},
		property{"apibuild", "", "whisk API build", "\t\t", func(a *app) string { return a.apiInfo("build") }},
		property{"apibuildno", "", "whisk API build number", "\t", func(a *app) string { return a.apiInfo("buildno") }},
	)
}

func (a *app) ownNamespace() string {
	c, err := a.authenticated()
	if err != nil {
		return "_"
	}
	var names []string
	if _, err := c.Do(context.Background(), client.Request{Path: "namespaces", Into: &names}); err != nil || len(names) == 0 {
		return "_"
	}
	return names[0]
}

func (a *app) apiInfo(member string) string {
	c, err := a.connect()
	if err == nil {
		var info map[string]any
		if _, err = c.Do(context.Background(), client.Request{Anonymous: true, Into: &info}); err == nil {
			text, _ := info[member].(string)
			return text
		}
	}
	fmt.Fprintf(a.Stderr, "Unable to obtain API build information: %v\n", err)
	return "Unknown"
}
