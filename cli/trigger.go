package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"

	"github.com/spf13/cobra"

	"quirl/client"
)

const triggerRequired = "A trigger name is required."

func (a *app) triggerCommand() *cobra.Command {
	cmd := noun("trigger", "work with triggers")
	cmd.AddCommand(a.triggerCreate(), a.triggerUpdate(), a.triggerFire(), a.triggerGet(), a.triggerDelete(), a.triggerList())
	return cmd
}

func (a *app) triggerCreate() *cobra.Command {
	var feed string
	cmd := &cobra.Command{Use: "create TRIGGER_NAME", Short: "create new trigger"}
	cmd.Flags().StringVarP(&feed, "feed", "f", "", "trigger feed `ACTION_NAME`")
	cmd.RunE = a.run(1, 1, triggerRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		return a.createTrigger(ctx, c, name, feed)
	})
	return cmd
}

func (a *app) createTrigger(ctx context.Context, c *client.Client, name entityName, feedName string) error {
	if err := a.checkFeedParams(); err != nil {
		return err
	}
	trigger := client.Trigger{Namespace: name.namespace, Name: name.entity, Annotations: a.params.annotations, Parameters: a.params.trigger}
	if feedName == "" {
		if len(a.params.feed) > 0 {
			return notAllowed("Incorrect usage. Trigger without a feed cannot have feed parameters")
		}
		trigger.Parameters = merged(a.params.parameters, a.params.trigger)
		if err := a.putTrigger(ctx, c, name, trigger, false); err != nil {
			return fmt.Errorf("Unable to create trigger '%s': %w", name.entity, err)
		}
		a.ok("created trigger %s", name.entity)
		return nil
	}
	action, err := a.parseEntity(feedName)
	if err != nil {
		return err
	}
	trigger.Annotations = put(trigger.Annotations, feedAnnotation, quoted(action.String()))
	if err := a.putTrigger(ctx, c, name, trigger, false); err != nil {
		return fmt.Errorf("Unable to create trigger '%s': %w", name.entity, err)
	}
	f := feed{app: a, client: c, trigger: name, action: action}
	if err := f.call(ctx, feedCreate, merged(a.params.parameters, a.params.feed)); err != nil {
		failed := fmt.Errorf("Unable to create trigger '%s': %w", name.entity, err)
		if err := a.dropTrigger(context.WithoutCancel(ctx), c, name); err != nil {
			return errors.Join(failed, fmt.Errorf("delete the trigger again: %w", err))
		}
		return failed
	}
	a.ok("created trigger %s", name.entity)
	return nil
}

// checkFeedParams: who tells parameters of the feed from those of the trigger does so for all.
func (a *app) checkFeedParams() error {
	if len(a.params.parameters) > 0 && len(a.params.feed)+len(a.params.trigger) > 0 {
		return notAllowed("Incorrect usage. Cannot combine --feed-param or --trigger-param flag with neither --param nor --param-file flag")
	}
	return nil
}

func notAllowed(text string) error {
	return &exitError{code: exitNotAllowed, err: errors.New(text), usage: true}
}

func (a *app) putTrigger(ctx context.Context, c *client.Client, name entityName, trigger client.Trigger, overwrite bool) error {
	_, err := c.Do(ctx, client.Request{
		Method: http.MethodPut, Path: client.Path("namespaces", name.namespace, "triggers", name.entity),
		Query: url.Values{"overwrite": {strconv.FormatBool(overwrite)}}, Body: trigger,
	})
	return err
}

func (a *app) dropTrigger(ctx context.Context, c *client.Client, name entityName) error {
	_, err := c.Do(ctx, client.Request{Method: http.MethodDelete, Path: client.Path("namespaces", name.namespace, "triggers", name.entity)})
	return err
}

func (a *app) fetchTrigger(ctx context.Context, c *client.Client, name entityName) (client.Trigger, error) {
	var trigger client.Trigger
	_, err := c.Do(ctx, client.Request{Path: client.Path("namespaces", name.namespace, "triggers", name.entity), Into: &trigger})
	return trigger, err
}

func (a *app) triggerUpdate() *cobra.Command {
	cmd := &cobra.Command{Use: "update TRIGGER_NAME", Short: "update an existing trigger"}
	cmd.RunE = a.run(1, 1, triggerRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		existing, err := a.fetchTrigger(ctx, c, name)
		if isNotFound(err) {
			return a.createTrigger(ctx, c, name, "")
		}
		if err != nil {
			return fmt.Errorf("Unable to get trigger '%s': %w", name.entity, err)
		}
		if err := a.checkFeedParams(); err != nil {
			return err
		}
		if err := a.updateTrigger(ctx, c, name, existing); err != nil {
			return err
		}
		a.ok("updated trigger %s", name.entity)
		return nil
	})
	return cmd
}

// updateTrigger changes a trigger itself, and then its feed, for what each was given.
func (a *app) updateTrigger(ctx context.Context, c *client.Client, name entityName, existing client.Trigger) error {
	f, hasFeed, err := a.feedOf(c, name, existing)
	if err != nil {
		return err
	}
	own := a.params.trigger
	if !hasFeed {
		if len(a.params.feed) > 0 {
			return notAllowed(fmt.Sprintf("Unable to configure feed '%s': this trigger does not contain a feed", name.entity))
		}
		own = merged(a.params.parameters, a.params.trigger)
	}
	trigger := client.Trigger{Namespace: name.namespace, Name: name.entity, Parameters: own, Annotations: a.params.annotations}
	if hasFeed && trigger.Annotations != nil { // the server replaces them all
		trigger.Annotations = put(trigger.Annotations, feedAnnotation, existing.Annotations.Get(feedAnnotation))
	}
	if !hasFeed || own != nil || trigger.Annotations != nil {
		if err := a.putTrigger(ctx, c, name, trigger, true); err != nil {
			return fmt.Errorf("Unable to update trigger '%s': %w", name.entity, err)
		}
	}
	given := merged(a.params.parameters, a.params.feed)
	if !hasFeed || len(given) == 0 {
		return nil
	}
	if err := f.call(ctx, feedUpdate, given); err != nil {
		return fmt.Errorf("Unable to update trigger '%s': %w", name.entity, err)
	}
	return nil
}

func (a *app) triggerFire() *cobra.Command {
	cmd := &cobra.Command{Use: "fire TRIGGER_NAME", Short: "fire trigger event"}
	cmd.RunE = a.run(1, 1, triggerRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		var fired client.Trigger
		_, err = c.Do(ctx, client.Request{
			Method: http.MethodPost, Path: client.Path("namespaces", name.namespace, "triggers", name.entity),
			Body: object(a.params.parameters), Into: &fired,
		})
		if err != nil {
			return fmt.Errorf("Unable to fire trigger '%s': %w", name.entity, err)
		}
		if a.structured() {
			return a.value(map[string]string{"activationId": fired.ActivationID})
		}
		a.ok("triggered %s with id %s", name, fired.ActivationID)
		return nil
	})
	return cmd
}

func (a *app) triggerGet() *cobra.Command {
	cmd := &cobra.Command{Use: "get TRIGGER_NAME [FIELD_FILTER]", Short: "get trigger"}
	summary := cmd.Flags().BoolP("summary", "s", false, "summarize trigger details; parameters with prefix \"*\" are bound")
	cmd.RunE = a.run(1, 2, triggerRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		if len(args) == 2 && !hasField(client.Trigger{}, args[1]) {
			return usageError("Invalid field filter '%s'.", args[1])
		}
		trigger, err := a.fetchTrigger(ctx, c, name)
		if err != nil {
			return fmt.Errorf("Unable to get trigger '%s': %w", name.entity, err)
		}
		f, hasFeed, err := a.feedOf(c, name, trigger)
		switch {
		case err != nil:
			return err
		case *summary:
			fmt.Fprint(a.Stdout, summaryOf("trigger", 0, trigger.Namespace, trigger.Name, trigger.Annotations, trigger.Parameters))
			return nil
		case hasFeed:
			if err := f.call(ctx, feedRead, nil); err != nil {
				return fmt.Errorf("Unable to get trigger '%s': %w", name.entity, err)
			}
			return nil
		}
		return a.got("trigger", name.entity, args[1:], trigger)
	})
	return cmd
}

func (a *app) triggerDelete() *cobra.Command {
	cmd := &cobra.Command{Use: "delete TRIGGER_NAME", Short: "delete trigger"}
	cmd.RunE = a.run(1, 1, triggerRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		trigger, err := a.fetchTrigger(ctx, c, name)
		if err != nil {
			return fmt.Errorf("Unable to delete trigger '%s': %w", name.entity, err)
		}
		// A feed that fails, or is gone, must not keep its trigger alive.
		f, hasFeed, err := a.feedOf(c, name, trigger)
		if err == nil && hasFeed {
			err = f.call(ctx, feedDelete, nil)
		}
		if err != nil {
			fmt.Fprintf(a.Stderr, "%v\n", err)
		}
		if err := a.dropTrigger(ctx, c, name); err != nil {
			return fmt.Errorf("Unable to delete trigger '%s': %w", name.entity, err)
		}
		a.ok("deleted trigger %s", name.entity)
		return nil
	})
	return cmd
}

func (a *app) triggerList() *cobra.Command {
	return listCommand(a, "triggers", func(_ context.Context, _ *client.Client, _ entityName, list []client.Trigger, byName bool) error {
		return a.printTriggers(list, byName)
	})
}

func (a *app) printTriggers(triggers []client.Trigger, byName bool) error {
	if byName {
		sort.SliceStable(triggers, func(i, j int) bool { return triggers[i].Name < triggers[j].Name })
	}
	return a.list(triggers, func() {
		fmt.Fprintln(a.Stdout, "triggers")
		for _, t := range triggers {
			fmt.Fprintf(a.Stdout, "%-70s private\n", "/"+t.Namespace+"/"+t.Name)
		}
	})
}
