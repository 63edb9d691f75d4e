package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"

	"github.com/spf13/cobra"

	"quirl/client"
)

const ruleRequired = "A rule name is required."

func (a *app) ruleCommand() *cobra.Command {
	cmd := noun("rule", "work with rules")
	cmd.AddCommand(a.rulePut("create"), a.rulePut("update"), a.ruleSwitch("enable", "active"), a.ruleSwitch("disable", "inactive"),
		a.ruleStatus(), a.ruleGet(), a.ruleDelete(), a.ruleList())
	return cmd
}

func (a *app) rulePut(verb string) *cobra.Command {
	short := map[string]string{"create": "create new rule", "update": "update an existing rule"}[verb]
	cmd := &cobra.Command{Use: verb + " RULE_NAME TRIGGER_NAME ACTION_NAME", Short: short}
	cmd.RunE = a.run(3, 3, "A rule, trigger and action name are required.", func(ctx context.Context, c *client.Client, args []string) error {
		var names [3]entityName
		for i, arg := range args {
			var err error
			if names[i], err = a.parseEntity(arg); err != nil {
				return err
			}
		}
		name := names[0]
		_, err := c.Do(ctx, client.Request{
			Method: http.MethodPut, Path: client.Path("namespaces", name.namespace, "rules", name.entity),
			Query: url.Values{"overwrite": {strconv.FormatBool(verb == "update")}},
			Body: client.Rule{
				Namespace: name.namespace, Name: name.entity, Annotations: a.params.annotations,
				Trigger: quoted(names[1].String()), Action: quoted(names[2].String()),
			},
		})
		if err != nil {
			return fmt.Errorf("Unable to %s rule '%s': %w", verb, name.entity, err)
		}
		a.ok("%sd rule %s", verb, name.entity)
		return nil
	})
	return cmd
}

// ruleSwitch is enable or disable.
func (a *app) ruleSwitch(verb, status string) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " RULE_NAME", Short: verb + " rule"}
	cmd.RunE = a.run(1, 1, ruleRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		if err := a.setRule(ctx, c, name, status); err != nil {
			return fmt.Errorf("Unable to %s rule '%s': %w", verb, name.entity, err)
		}
		a.ok("%sd rule %s", verb, name.entity)
		return nil
	})
	return cmd
}

func (a *app) setRule(ctx context.Context, c *client.Client, name entityName, status string) error {
	_, err := c.Do(ctx, client.Request{
		Method: http.MethodPost, Path: client.Path("namespaces", name.namespace, "rules", name.entity), Body: client.Rule{Status: status},
	})
	return err
}

func (a *app) fetchRule(ctx context.Context, c *client.Client, name entityName) (client.Rule, error) {
	var rule client.Rule
	_, err := c.Do(ctx, client.Request{Path: client.Path("namespaces", name.namespace, "rules", name.entity), Into: &rule})
	return rule, err
}

func (a *app) ruleStatus() *cobra.Command {
	cmd := &cobra.Command{Use: "status RULE_NAME", Short: "get rule status"}
	cmd.RunE = a.run(1, 1, ruleRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		rule, err := a.fetchRule(ctx, c, name)
		if err != nil {
			return fmt.Errorf("Unable to get status of rule '%s': %w", name.entity, err)
		}
		if a.structured() {
			return a.value(map[string]string{"status": rule.Status})
		}
		a.ok("rule %s is %s", name.entity, rule.Status)
		return nil
	})
	return cmd
}

func (a *app) ruleGet() *cobra.Command {
	cmd := &cobra.Command{Use: "get RULE_NAME [FIELD_FILTER]", Short: "get rule"}
	summary := cmd.Flags().BoolP("summary", "s", false, "summarize rule details")
	cmd.RunE = a.run(1, 2, ruleRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		if len(args) == 2 && !hasField(client.Rule{}, args[1]) {
			return usageError("Invalid field filter '%s'.", args[1])
		}
		rule, err := a.fetchRule(ctx, c, name)
		switch {
		case err != nil:
			return fmt.Errorf("Unable to get rule '%s': %w", name.entity, err)
		case *summary:
			fmt.Fprintf(a.Stdout, "rule /%s/%s\n   (status: %s)\n", rule.Namespace, rule.Name, rule.Status)
			return nil
		}
		return a.got("rule", name.entity, args[1:], rule)
	})
	return cmd
}

func (a *app) ruleDelete() *cobra.Command {
	cmd := &cobra.Command{Use: "delete RULE_NAME", Short: "delete rule"}
	disable := cmd.Flags().Bool("disable", false, "automatically disable rule before deleting it")
	cmd.RunE = a.run(1, 1, ruleRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		if *disable {
			if err := a.setRule(ctx, c, name, "inactive"); err != nil {
				return fmt.Errorf("Unable to disable rule '%s': %w", name.entity, err)
			}
		}
		if _, err := c.Do(ctx, client.Request{Method: http.MethodDelete, Path: client.Path("namespaces", name.namespace, "rules", name.entity)}); err != nil {
			return fmt.Errorf("Unable to delete rule '%s': %w", name.entity, err)
		}
		a.ok("deleted rule %s", name.entity)
		return nil
	})
	return cmd
}

func (a *app) ruleList() *cobra.Command {
	return listCommand(a, "rules", func(ctx context.Context, c *client.Client, name entityName, list []client.Rule, byName bool) error {
		return a.printRules(ctx, c, name.namespace, list, byName)
	})
}

// printRules asks for each rule, as a list does not have the statuses.
func (a *app) printRules(ctx context.Context, c *client.Client, namespace string, rules []client.Rule, byName bool) error {
	if byName {
		sort.SliceStable(rules, func(i, j int) bool { return rules[i].Name < rules[j].Name })
	}
	for i := range rules {
		rule, err := a.fetchRule(ctx, c, entityName{namespace, rules[i].Name})
		if err != nil {
			return fmt.Errorf("Unable to get status of rule '%s': %w", rules[i].Name, err)
		}
		rules[i].Status = rule.Status
	}
	return a.list(rules, func() {
		fmt.Fprintln(a.Stdout, "rules")
		for _, r := range rules {
			fmt.Fprintf(a.Stdout, "%-70s %-20s %s\n", "/"+r.Namespace+"/"+r.Name, "private", r.Status)
		}
	})
}
