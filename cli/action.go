package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quirl/client"
)

const nameRequired = "An action name is required."

func (a *app) actionCommand() *cobra.Command {
	cmd := noun("action", "work with actions")
	cmd.AddCommand(a.actionPut("create"), a.actionPut("update"), a.actionGet(), a.actionInvoke(), a.actionDelete(), a.actionList())
	return cmd
}

// run adapts a command that needs a connection and a number of arguments.
func (a *app) run(low, high int, required string, do func(ctx context.Context, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := argumentError(args, low, high, required); err != nil {
			return err
		}
		c, err := a.authenticated()
		if err != nil {
			return err
		}
		err = do(cmd.Context(), c, args)
		if err != nil {
			a.suggest(cmd.Context(), cmd, args, err)
		}
		return err
	}
}

func (a *app) actionPut(verb string) *cobra.Command {
	var e execFlags
	var l limitFlags
	var web, webSecure string
	var delAnnotations []string
	required, low := "An action name and code artifact are required.", 2
	if verb == "update" {
		required, low = "An action name is required. A code artifact is optional.", 1
	}
	cmd := &cobra.Command{Use: verb + " ACTION_NAME ARTIFACT", Short: verb + " an action"}
	if !a.isWsk() {
		cmd.Long = verb + " an action; ARTIFACT is a file, or a folder whose dependencies are installed first"
	}
	e.add(cmd)
	l.add(cmd)
	cmd.Flags().StringVar(&web, "web", "", "treat ACTION as a web action (yes, true, raw, no, false)")
	cmd.Flags().StringVar(&webSecure, "web-secure", "", "secure the web action")
	if verb == "update" {
		cmd.Flags().StringArrayVar(&delAnnotations, "del-annotation", nil, "the list of annotations to be deleted")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if e.image != "" {
			low = 1
		}
		return a.run(low, 2, required, func(ctx context.Context, c *client.Client, args []string) error {
			name, err := a.parseEntity(args[0])
			if err != nil {
				return err
			}
			action := client.Action{Namespace: name.namespace, Name: name.entity, Annotations: a.params.annotations, Parameters: a.params.parameters, DelAnnotations: delAnnotations}
			if len(args) == 2 || e.image != "" {
				if action.Exec, err = a.buildExec(ctx, c, &e, args[1:], &action); err != nil {
					return err
				}
			}
			action.Limits = l.given(cmd)
			var stored client.Action
			if verb == "update" {
				if stored, err = a.storedAction(ctx, c, name); err != nil {
					return err
				}
			}
			if err := webAnnotations(&action, stored.Annotations, web, webSecure); err != nil {
				return err
			}
			if (web != "" || webSecure != "") && len(a.params.annotations) == 0 {
				keepAnnotations(&action, stored.Annotations)
			}
			done := a.progress("sending the code of %s", args[0])
			var answer client.Action
			_, err = c.Do(ctx, client.Request{
				Method: http.MethodPut, Path: client.Path("namespaces", name.namespace, "actions", name.entity),
				Query: url.Values{"overwrite": {strconv.FormatBool(verb == "update")}}, Body: action, Into: &answer,
			})
			done()
			if err != nil {
				return fmt.Errorf("Unable to create action '%s': %w", name.entity, err)
			}
			a.warnOfKind(e.kind, answer.Exec)
			a.ok("%sd action %s", verb, name.entity)
			return nil
		})(cmd, args)
	}
	return cmd
}

// warnOfKind says that an action got another kind than it asked for.
func (a *app) warnOfKind(asked string, got *client.Exec) {
	if asked == "" || got == nil || got.Kind == asked || strings.HasSuffix(asked, ":default") {
		return
	}
	fmt.Fprintf(a.Stderr, "warning: there is no runtime %s here, the action has the nearest one: %s\n", asked, got.Kind)
}

// storedAction reads the action that is about to be updated; there may be none yet.
func (a *app) storedAction(ctx context.Context, c *client.Client, name entityName) (stored client.Action, err error) {
	_, err = c.Do(ctx, client.Request{Path: client.Path("namespaces", name.namespace, "actions", name.entity), Query: url.Values{"code": {"false"}}, Into: &stored})
	if isNotFound(err) {
		return client.Action{}, nil
	}
	if err != nil {
		return stored, fmt.Errorf("Unable to create action '%s': %w", name.entity, err)
	}
	return stored, nil
}

// keepAnnotations sends the stored annotations again when only web ones were given, as wsk does.
func keepAnnotations(action *client.Action, stored client.KeyValues) {
	merged := slices.DeleteFunc(slices.Clone(stored), func(kv client.KeyValue) bool { return slices.Contains(action.DelAnnotations, kv.Key) })
	for _, kv := range action.Annotations {
		merged = put(merged, kv.Key, kv.Value)
	}
	action.Annotations = merged
}

// webAnnotations adds what --web and --web-secure say to an action whose annotations were stored so far.
func webAnnotations(action *client.Action, stored client.KeyValues, web, secure string) error {
	var export, raw, final string
	switch strings.ToLower(web) {
	case "":
		if secure != "" && string(stored.Get("web-export")) != "true" {
			return usageError("The --web-secure option is only valid when the --web option is enabled.")
		}
		return secureAnnotation(action, stored, secure)
	case "yes", "true":
		export, raw, final = "true", "false", "true"
	case "raw":
		export, raw, final = "true", "true", "true"
	case "no", "false":
		export, raw, final = "false", "false", "false"
		if secure != "" {
			return usageError("The --web-secure option is only valid when the --web option is enabled.")
		}
	default:
		return usageError("Invalid argument '%s' for --web flag. Valid input consist of 'yes', 'true', 'raw', 'false', or 'no'.", web)
	}
	for _, kv := range [][2]string{{"web-export", export}, {"raw-http", raw}, {"final", final}} {
		action.Annotations = put(action.Annotations, kv[0], json.RawMessage(kv[1]))
	}
	return secureAnnotation(action, stored, secure)
}

type limitFlags struct{ timeout, memory, logsize, concurrency int }

func (l *limitFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVarP(&l.timeout, "timeout", "t", 60000, "the timeout `LIMIT` in milliseconds")
	cmd.Flags().IntVarP(&l.memory, "memory", "m", 256, "the maximum memory `LIMIT` in MB")
	cmd.Flags().IntVarP(&l.logsize, "logsize", "l", 10, "the maximum log size `LIMIT` in MB")
	cmd.Flags().IntVarP(&l.concurrency, "concurrency", "c", 1, "the maximum intra-container activation `CONCURRENCY`")
}

// given returns the limits whose flags were given, nil when none was.
func (l *limitFlags) given(cmd *cobra.Command) *client.Limits {
	var limits client.Limits
	any := false
	for _, f := range []struct {
		name  string
		value *int
		into  **int
	}{{"timeout", &l.timeout, &limits.Timeout}, {"memory", &l.memory, &limits.Memory}, {"logsize", &l.logsize, &limits.Logsize}, {"concurrency", &l.concurrency, &limits.Concurrency}} {
		if cmd.Flags().Changed(f.name) {
			*f.into, any = f.value, true
		}
	}
	if !any {
		return nil
	}
	return &limits
}

func (a *app) actionGet() *cobra.Command {
	var save, showURL, summary bool
	var saveAs string
	cmd := &cobra.Command{Use: "get ACTION_NAME [FIELD_FILTER]", Short: "get an action"}
	cmd.Flags().BoolVar(&save, "save", false, "save action code to file corresponding with action name")
	cmd.Flags().StringVar(&saveAs, "save-as", "", "file to save action code to")
	cmd.Flags().BoolVarP(&summary, "summary", "s", false, "summarize action details; parameters with prefix \"*\" are bound, \"**\" are bound and finalized")
	cmd.Flags().BoolVarP(&showURL, "url", "r", false, "get action url")
	cmd.RunE = a.run(1, 2, nameRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		if len(args) == 2 && !hasField(client.Action{}, args[1]) {
			return usageError("Invalid field filter '%s'.", args[1])
		}
		var action client.Action
		code := strconv.FormatBool(save || saveAs != "")
		_, err = c.Do(ctx, client.Request{Path: client.Path("namespaces", name.namespace, "actions", name.entity), Query: url.Values{"code": {code}}, Into: &action})
		if err != nil {
			return fmt.Errorf("Unable to get action '%s': %w", name.entity, err)
		}
		switch {
		case save || saveAs != "":
			return a.saveAction(&action, saveAs)
		case showURL:
			if a.structured() {
				return a.value(map[string]string{"url": actionURL(c, &action)})
			}
			fmt.Fprintf(a.Stdout, "ok: got action %s\n%s\n", name.entity, actionURL(c, &action))
			return nil
		case summary:
			fmt.Fprint(a.Stdout, summaryOf("action", 0, action.Namespace, action.Name, action.Annotations, action.Parameters))
			return nil
		}
		return a.got("action", name.entity, args[1:], action)
	})
	return cmd
}

// actionURL is where the action can be called: as web action when it is one.
func actionURL(c *client.Client, action *client.Action) string {
	namespace, pkg, _ := strings.Cut(action.Namespace, "/")
	base := c.BaseURL() + "/api/" + c.Version
	if string(action.Annotations.Get("web-export")) == "true" {
		if pkg == "" {
			pkg = "default"
		}
		return base + "/web/" + client.Path(namespace, pkg, action.Name)
	}
	if pkg != "" {
		return base + "/namespaces/" + client.Path(namespace, "actions", pkg, action.Name)
	}
	return base + "/namespaces/" + client.Path(namespace, "actions", action.Name)
}

func (a *app) actionInvoke() *cobra.Command {
	var blocking, result, logs bool
	cmd := &cobra.Command{Use: "invoke ACTION_NAME", Short: "invoke action"}
	if !a.isWsk() {
		cmd.Flags().BoolVar(&logs, "logs", false, "show the logs while the action runs, on standard error, and then its result")
	}
	cmd.Flags().BoolVarP(&blocking, "blocking", "b", false, "blocking invoke")
	cmd.Flags().BoolVarP(&result, "result", "r", false, "blocking invoke; show only activation result (unless there is a failure)")
	cmd.RunE = a.run(1, 1, nameRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		if logs {
			return a.invokeAndFollow(ctx, c, name)
		}
		blocking = blocking || result
		var answer json.RawMessage
		done := a.progress("waiting for the result of %s", args[0])
		status, err := c.Do(ctx, client.Request{
			Method: http.MethodPost, Path: client.Path("namespaces", name.namespace, "actions", name.entity),
			Query: url.Values{"blocking": {strconv.FormatBool(blocking)}, "result": {strconv.FormatBool(result)}},
			Body:  object(a.params.parameters), Into: &answer,
		})
		done()
		var refused *client.Error
		if errors.As(err, &refused) && refused.Code == "" && refused.Status == http.StatusBadGateway && len(refused.Body) > 0 {
			return a.functionFailed(name, refused, result)
		}
		if err != nil {
			return fmt.Errorf("Unable to invoke action '%s': %w", name.entity, err)
		}
		return a.invoked(name, status, answer, blocking, result)
	})
	return cmd
}

func (a *app) invoked(name entityName, status int, answer json.RawMessage, blocking, result bool) error {
	id := activationID(answer)
	switch {
	case status == http.StatusAccepted && blocking:
		fmt.Fprintf(a.Stderr, "ok: invoked %s, but the request has not yet finished, with id %s\n", name, id)
		return &exitError{code: exitWaiting, err: errors.New("the request has not yet finished"), quiet: true}
	case result, a.structured():
		return a.value(answer)
	}
	fmt.Fprintf(a.Stdout, "ok: invoked %s with id %s\n", name, id)
	if blocking {
		return a.value(answer)
	}
	return nil
}

// functionFailed shows what a failed function returned: on standard error, as wsk does.
func (a *app) functionFailed(name entityName, refused *client.Error, result bool) error {
	if !result {
		fmt.Fprintf(a.Stderr, "ok: invoked %s with id %s\n", name, activationID(refused.Body))
	}
	if err := printJSON(a.Stderr, json.RawMessage(refused.Body)); err != nil {
		return err
	}
	return &exitError{code: exitOf(refused.Status), err: refused, quiet: true}
}

func activationID(record []byte) string {
	var r struct {
		ID string `json:"activationId"`
	}
	if json.Unmarshal(record, &r) != nil {
		return ""
	}
	return r.ID
}

func (a *app) actionDelete() *cobra.Command {
	cmd := &cobra.Command{Use: "delete ACTION_NAME", Short: "delete action"}
	cmd.RunE = a.run(1, 1, nameRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		_, err = c.Do(ctx, client.Request{Method: http.MethodDelete, Path: client.Path("namespaces", name.namespace, "actions", name.entity)})
		if err != nil {
			return fmt.Errorf("Unable to delete action '%s': %w", name.entity, err)
		}
		a.ok("deleted action %s", name.entity)
		return nil
	})
	return cmd
}

// listFlags are those of all lists of entities.
type listFlags struct {
	skip, limit int
	byName      bool
}

func (l *listFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVarP(&l.skip, "skip", "s", 0, "exclude the first `SKIP` number of entities from the result")
	cmd.Flags().IntVarP(&l.limit, "limit", "l", 30, "only return `LIMIT` number of entities")
	cmd.Flags().BoolVarP(&l.byName, "name-sort", "n", false, "sorts a list alphabetically by entity name")
}

func (l *listFlags) query() url.Values {
	return url.Values{"skip": {strconv.Itoa(l.skip)}, "limit": {strconv.Itoa(l.limit)}}
}

func (a *app) actionList() *cobra.Command {
	var l listFlags
	cmd := &cobra.Command{Use: "list [ NAMESPACE | PACKAGE ]", Short: "list all actions in a namespace or actions contained in a package"}
	l.add(cmd)
	cmd.RunE = a.run(0, 1, "An optional namespace is the only valid argument.", func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.optionalName(args)
		if err != nil {
			return err
		}
		path := client.Path("namespaces", name.namespace, "actions")
		if name.entity != "" {
			path += "/" + client.Path(name.entity) + "/"
		}
		var actions []client.Action
		if _, err := c.Do(ctx, client.Request{Path: path, Query: l.query(), Into: &actions}); err != nil {
			return fmt.Errorf("Unable to obtain the list of actions for namespace '%s': %w", listed(name), err)
		}
		return a.printActions(actions, l.byName)
	})
	return cmd
}

// listed is a namespace as the texts about lists name it.
func listed(n entityName) string {
	if n.namespace == "_" {
		return "default"
	}
	return n.namespace
}

func (a *app) printActions(actions []client.Action, byName bool) error {
	if byName {
		sort.SliceStable(actions, func(i, j int) bool {
			x, y := actions[i], actions[j]
			if xp, yp := strings.Contains(x.Namespace, "/"), strings.Contains(y.Namespace, "/"); xp != yp {
				return yp
			}
			return x.Namespace+"/"+x.Name < y.Namespace+"/"+y.Name
		})
	}
	return a.list(actions, func() {
		fmt.Fprintln(a.Stdout, "actions")
		for _, action := range actions {
			var kind string
			if raw := action.Annotations.Get("exec"); raw != nil {
				if err := json.Unmarshal(raw, &kind); err != nil {
					kind = "unknown"
				}
			}
			fmt.Fprintf(a.Stdout, "%-70s private %s\n", "/"+action.Namespace+"/"+action.Name, kind)
		}
	})
}

// saveAction writes the action's code to a file named after it, or to as.
func (a *app) saveAction(action *client.Action, as string) error {
	exec := action.Exec
	switch {
	case exec == nil || exec.Kind == "sequence":
		return &exitError{code: exitNotAllowed, err: errors.New("Cannot save action sequences")}
	case exec.Code == nil:
		return &exitError{code: exitNotAllowed, err: errors.New("Cannot save Docker images")}
	}
	content, extension, err := codeOf(exec)
	if err != nil {
		return err
	}
	file := as
	if file == "" {
		file = action.Name + extension
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return &exitError{code: exitGeneral, err: fmt.Errorf("The file '%s' already exists", file)}
	}
	if err != nil {
		return &exitError{code: exitGeneral, err: fmt.Errorf("Cannot create file '%s': %w", file, err)}
	}
	if _, err := f.Write(content); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	a.ok("saved action code to %s", full)
	return nil
}
