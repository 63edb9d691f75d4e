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
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"quirl/client"
)

// The routes of an API gateway are kept by three web actions of the platform
// (OpenWhisk's route management); what they say is shown as it is.
const apiManagement = "web/whisk.system/apimgmt/"

var apiVerbs = []string{"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"}

func (a *app) apiCommand() *cobra.Command {
	cmd := noun("api", "work with APIs")
	cmd.AddCommand(a.apiCreate(), a.apiGet(), a.apiDelete(), a.apiList())
	return cmd
}

// manageAPI calls one of the management actions.
func (a *app) manageAPI(ctx context.Context, c *client.Client, method, action string, query url.Values, body, into any) error {
	token := a.props["APIGW_ACCESS_TOKEN"]
	if token == "" {
		token = "DUMMY TOKEN"
	}
	space, _, _ := strings.Cut(c.Key, ":")
	if query == nil {
		query = url.Values{}
	}
	query.Set("accesstoken", token)
	query.Set("spaceguid", space)
	_, err := c.Do(ctx, client.Request{Method: method, Path: apiManagement + action + ".http", Query: query, Body: body, Into: into})
	var refused *client.Error
	if errors.As(err, &refused) && refused.Code == "" { // the web action's own error has no code
		var said struct{ Error string }
		if json.Unmarshal(refused.Body, &said) == nil && said.Error != "" {
			return &client.Error{Status: refused.Status, Message: said.Error, Body: refused.Body}
		}
	}
	return err
}

// An apiDoc describes a route, or a whole API by its swagger.
type apiDoc struct {
	Namespace  string             `json:"namespace"`
	Name       string             `json:"apiName,omitempty"`
	BasePath   string             `json:"gatewayBasePath,omitempty"`
	Path       string             `json:"gatewayPath,omitempty"`
	Method     string             `json:"gatewayMethod,omitempty"`
	ID         string             `json:"id,omitempty"`
	Swagger    string             `json:"swagger,omitempty"`
	Parameters []apiPathParameter `json:"pathParameters,omitempty"`
	Action     *apiAction         `json:"action,omitempty"`
}

type apiPathParameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Required    bool   `json:"required"`
	Type        string `json:"type"`
	Description string `json:"description"`
}

type apiAction struct {
	Name          string `json:"name"`
	Namespace     string `json:"namespace"`
	BackendMethod string `json:"backendMethod"`
	BackendURL    string `json:"backendUrl"`
	AuthKey       string `json:"authkey"`
	SecureKey     any    `json:"secureKey,omitempty"`
}

// An apiEntry is an API as the management actions have it.
type apiEntry struct {
	ActivatedURL string          `json:"gwApiUrl"`
	Doc          json.RawMessage `json:"apidoc"`
}

// A swagger is what the command line reads of one.
type swagger struct {
	Info struct {
		Title string `json:"title"`
	} `json:"info"`
	BasePath string                                `json:"basePath"`
	Paths    map[string]map[string]json.RawMessage `json:"paths"`
}

// A route is a path and verb of an API.
type route struct {
	action, verb, api, base, path, url string
}

// routes are those of an API, sorted by path and verb.
func (e apiEntry) routes() ([]route, error) {
	var doc swagger
	if err := json.Unmarshal(e.Doc, &doc); err != nil {
		return nil, fmt.Errorf("the description of the API: %w", err)
	}
	var all []route
	for path, verbs := range doc.Paths {
		for verb, raw := range verbs {
			verb = strings.ToUpper(verb)
			if !slices.Contains(apiVerbs, verb) {
				continue
			}
			var operation struct {
				OpenWhisk struct{ Namespace, Package, Action string } `json:"x-openwhisk"`
			}
			if err := json.Unmarshal(raw, &operation); err != nil {
				return nil, fmt.Errorf("the operation %s %s: %w", verb, path, err)
			}
			r := route{verb: verb, api: doc.Info.Title, base: doc.BasePath, path: path, url: strings.TrimSuffix(e.ActivatedURL, "/") + path}
			if ow := operation.OpenWhisk; ow.Action != "" {
				r.action = "/" + ow.Namespace + "/"
				if ow.Package != "" && ow.Package != "default" {
					r.action += ow.Package + "/"
				}
				r.action += ow.Action
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y route) int { return strings.Compare(x.path+" "+x.verb, y.path+" "+y.verb) })
	return all, nil
}

func (a *app) apiCreate() *cobra.Command {
	var name, response, file string
	cmd := &cobra.Command{Use: "create ([BASE_PATH] API_PATH API_VERB ACTION] | --config-file CFG_FILE) ", Short: "create a new API"}
	cmd.Flags().StringVarP(&name, "apiname", "n", "", "friendly name of the API; ignored when CFG_FILE is specified (default BASE_PATH)")
	cmd.Flags().StringVar(&response, "response-type", "json", "set the web action response `TYPE`. Possible values are html, http, json, text, svg")
	cmd.Flags().StringVarP(&file, "config-file", "c", "", "`CFG_FILE` containing API configuration in swagger JSON format")
	const required = "Specify a swagger file or specify an API base path with an API path, an API verb, and an action name."
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		low, high := 3, 4
		if file != "" {
			low, high = 0, 0
		}
		return a.run(low, high, required, func(ctx context.Context, c *client.Client, args []string) error {
			doc, query := apiDoc{Namespace: "_"}, url.Values{}
			if file != "" {
				text, err := readSwagger(file)
				if err != nil {
					return err
				}
				doc.Swagger = text
			} else {
				var err error
				if doc, err = a.routeOf(ctx, c, args, name, response); err != nil {
					return err
				}
				query.Set("responsetype", response)
			}
			var made apiEntry
			if err := a.manageAPI(ctx, c, http.MethodPost, "createApi", query, map[string]apiDoc{"apidoc": doc}, &made); err != nil {
				return fmt.Errorf("Unable to create API: %w", err)
			}
			if file == "" {
				a.sayCreated(route{
					base: doc.BasePath, path: doc.Path, verb: strings.ToUpper(doc.Method),
					action: "/" + doc.Action.Namespace + "/" + doc.Action.Name, url: strings.TrimSuffix(made.ActivatedURL, "/") + doc.Path,
				})
				return nil
			}
			routes, err := made.routes()
			if err != nil {
				return err
			}
			for _, r := range routes {
				a.sayCreated(r)
			}
			return nil
		})(cmd, args)
	}
	return cmd
}

func (a *app) sayCreated(r route) {
	fmt.Fprintf(a.Stdout, "ok: created API %s %s", strings.TrimSuffix(r.base, "/")+r.path, r.verb)
	if r.action != "" {
		fmt.Fprintf(a.Stdout, " for action %s", r.action)
	}
	fmt.Fprintf(a.Stdout, "\n%s\n", r.url)
}

// routeOf makes the description of one route from the arguments.
func (a *app) routeOf(ctx context.Context, c *client.Client, args []string, name, response string) (apiDoc, error) {
	base := "/"
	if len(args) == 4 {
		base, args = args[0], args[1:]
		if !strings.HasPrefix(base, "/") && name != "" {
			return apiDoc{}, malformed("An API name can only be specified once.")
		}
	}
	path, verb := args[0], strings.ToLower(args[1])
	if err := checkRoute(base, path, verb, response); err != nil {
		return apiDoc{}, err
	}
	action, err := a.parseEntity(args[2])
	if err != nil {
		return apiDoc{}, err
	}
	var known client.Action
	_, err = c.Do(ctx, client.Request{Path: client.Path("namespaces", action.namespace, "actions", action.entity), Query: url.Values{"code": {"false"}}, Into: &known})
	if err != nil {
		return apiDoc{}, fmt.Errorf("Unable to get action '%s': %w", action.entity, err)
	}
	if string(known.Annotations.Get("web-export")) != "true" {
		return apiDoc{}, &exitError{code: exitGeneral, err: fmt.Errorf(
			"Action '%s' is not a web action. Issue 'wsk action update \"%s\" --web true' to convert the action to a web action.", action, action)}
	}
	pkg, plain, packaged := strings.Cut(action.entity, "/")
	if !packaged {
		pkg, plain = "default", action.entity
	}
	if name == "" {
		name = base
	}
	doc := apiDoc{
		Namespace: action.namespace, Name: name, BasePath: base, Path: path, Method: verb, ID: "API:" + action.namespace + ":" + base,
		Parameters: pathParameters(path),
		Action: &apiAction{
			Name: action.entity, Namespace: action.namespace, BackendMethod: "POST", AuthKey: c.Key,
			BackendURL: c.BaseURL() + "/api/" + c.Version + "/web/" + client.Path(action.namespace, pkg, plain) + "." + response,
		},
	}
	if secret := known.Annotations.Get("require-whisk-auth"); secret != nil && string(secret) != "false" {
		doc.Action.SecureKey = secret
	}
	return doc, nil
}

// checkRoute is what the command line itself refuses.
func checkRoute(base, path, verb, response string) error {
	for _, p := range []string{base, path} {
		if !strings.HasPrefix(p, "/") {
			return malformed("'%s' must begin with '/'.", p)
		}
	}
	switch {
	case !slices.Contains(apiVerbs, strings.ToUpper(verb)):
		return malformed("'%s' is not a valid API verb.  Valid values are: %s", verb, strings.Join(apiVerbs, ", "))
	case !slices.Contains([]string{"json", "http", "html", "text", "svg"}, response):
		return malformed("'%s' is not a valid response type.  Valid values are: html, http, json, text, svg", response)
	case len(pathParameters(base)) > 0:
		return malformed("The base path '%s' cannot have parameters. Only the relative path supports path parameters.", base)
	case len(pathParameters(path)) > 0 && response != "http":
		return malformed("A response type of 'http' is required when using path parameters.")
	}
	return nil
}

// pathParameters are the segments {name} of a path.
func pathParameters(path string) []apiPathParameter {
	var all []apiPathParameter
	for segment := range strings.SplitSeq(path, "/") {
		name, opened := strings.CutPrefix(segment, "{")
		name, closed := strings.CutSuffix(name, "}")
		if opened && closed && name != "" {
			all = append(all, apiPathParameter{name, "path", true, "string", "Default description for '" + name + "'"})
		}
	}
	return all
}

// readSwagger reads a description, as JSON or YAML, and returns it as JSON.
func readSwagger(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", usageError("Error reading swagger file '%s': %w", file, err)
	}
	var doc map[string]any
	switch filepath.Ext(file) {
	case ".yaml", ".yml":
		if err = yaml.Unmarshal(text, &doc); err == nil {
			doc, _ = withTextKeys(doc).(map[string]any)
		}
	default:
		err = json.Unmarshal(text, &doc)
	}
	if err == nil {
		text, err = json.Marshal(doc)
	}
	if err != nil {
		return "", usageError("Error parsing swagger file '%s': %w", file, err)
	}
	base, _ := doc["basePath"].(string)
	switch {
	case base == "" || doc["info"] == nil || doc["paths"] == nil || doc["swagger"] == nil:
		return "", usageError("Swagger file is invalid (missing basePath, info, paths, or swagger fields)")
	case !strings.HasPrefix(base, "/"):
		return "", usageError("Swagger file basePath must start with a leading slash (/)")
	}
	return string(text), nil
}

// withTextKeys is a value of YAML as JSON can have it: there a key may be a number, such
// as the status of a response.
func withTextKeys(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			v[key] = withTextKeys(member)
		}
	case map[any]any:
		texts := make(map[string]any, len(v))
		for key, member := range v {
			texts[fmt.Sprint(key)] = withTextKeys(member)
		}
		return texts
	case []any:
		for i, element := range v {
			v[i] = withTextKeys(element)
		}
	}
	return value
}

// apiQuery names an API, and a path and verb of it, from optional arguments.
func apiQuery(args []string) (url.Values, error) {
	query := url.Values{}
	for i, key := range []string{"basepath", "relpath", "operation"} {
		if i >= len(args) {
			break
		}
		value := args[i]
		switch {
		case key == "relpath" && !strings.HasPrefix(value, "/"):
			return nil, malformed("'%s' must begin with '/'.", value)
		case key == "operation":
			if !slices.Contains(apiVerbs, strings.ToUpper(value)) {
				return nil, malformed("'%s' is not a valid API verb.  Valid values are: %s", value, strings.Join(apiVerbs, ", "))
			}
			value = strings.ToLower(value)
		}
		query.Set(key, value)
	}
	return query, nil
}

// fetchAPIs asks for the APIs that a query names.
func (a *app) fetchAPIs(ctx context.Context, c *client.Client, query url.Values) ([]json.RawMessage, []apiEntry, error) {
	var answer struct {
		APIs []struct {
			Value json.RawMessage `json:"value"`
		} `json:"apis"`
	}
	if err := a.manageAPI(ctx, c, http.MethodGet, "getApi", query, nil, &answer); err != nil {
		return nil, nil, err
	}
	values, entries := make([]json.RawMessage, len(answer.APIs)), make([]apiEntry, len(answer.APIs))
	for i, api := range answer.APIs {
		values[i] = api.Value
		if err := json.Unmarshal(api.Value, &entries[i]); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", client.ErrMalformed, err)
		}
	}
	return values, entries, nil
}

func (a *app) apiGet() *cobra.Command {
	var full bool
	var format string
	cmd := &cobra.Command{Use: "get BASE_PATH | API_NAME", Short: "get API details"}
	cmd.Flags().BoolVarP(&full, "full", "f", false, "display full API configuration details")
	cmd.Flags().StringVar(&format, "format", "json", "Specify the API output `TYPE`, either json or yaml")
	cmd.RunE = a.run(1, 1, "An API base path or API name is required.", func(ctx context.Context, c *client.Client, args []string) error {
		if format != "json" && format != "yaml" {
			return malformed("Invalid format type: %s", format)
		}
		values, entries, err := a.fetchAPIs(ctx, c, url.Values{"basepath": {args[0]}})
		if err != nil {
			return fmt.Errorf("Unable to get API '%s': %w", args[0], err)
		}
		if len(values) == 0 {
			return &exitError{code: exitGeneral, err: fmt.Errorf("API does not exist for basepath %s", args[0])}
		}
		shown := entries[0].Doc
		if full {
			shown = values[0]
		}
		if format == "json" {
			return a.value(shown)
		}
		var doc any
		if err := json.Unmarshal(shown, &doc); err != nil {
			return err
		}
		text, err := yaml.Marshal(doc)
		if err != nil {
			return err
		}
		_, err = a.Stdout.Write(text)
		return err
	})
	return cmd
}

func (a *app) apiDelete() *cobra.Command {
	cmd := &cobra.Command{Use: "delete BASE_PATH | API_NAME [API_PATH [API_VERB]]", Short: "delete an API"}
	const required = "An API base path or API name is required.  An optional API relative path and operation may also be provided."
	cmd.RunE = a.run(1, 3, required, func(ctx context.Context, c *client.Client, args []string) error {
		query, err := apiQuery(args)
		if err != nil {
			return err
		}
		if err := a.manageAPI(ctx, c, http.MethodDelete, "deleteApi", query, nil, nil); err != nil {
			return fmt.Errorf("Unable to delete API: %w", err)
		}
		switch len(args) {
		case 1:
			a.ok("deleted API %s", args[0])
		case 2:
			a.ok("deleted %s from %s", args[1], args[0])
		default:
			a.ok("deleted %s %s from %s", args[1], strings.ToUpper(args[2]), args[0])
		}
		return nil
	})
	return cmd
}

func (a *app) apiList() *cobra.Command {
	var l listFlags
	var full bool
	cmd := &cobra.Command{Use: "list [BASE_PATH | API_NAME [API_PATH [API_VERB]]]", Short: "list APIs"}
	l.add(cmd)
	cmd.Flags().BoolVarP(&full, "full", "f", false, "display full description of each API")
	cmd.RunE = a.run(0, 3, "Optional parameters are: API base path (or API name), API relative path and operation.", func(ctx context.Context, c *client.Client, args []string) error {
		query, err := apiQuery(args)
		if err != nil {
			return err
		}
		query.Set("limit", strconv.Itoa(l.limit))
		query.Set("skip", strconv.Itoa(l.skip))
		_, entries, err := a.fetchAPIs(ctx, c, query)
		if err != nil {
			return fmt.Errorf("Unable to obtain the API list: %w", err)
		}
		var routes []route
		for _, e := range entries {
			some, err := e.routes()
			if err != nil {
				return err
			}
			routes = append(routes, some...)
		}
		if l.byName {
			slices.SortStableFunc(routes, func(x, y route) int { return strings.Compare(x.api, y.api) })
		}
		a.printRoutes(routes, full)
		return nil
	})
	return cmd
}

func (a *app) printRoutes(routes []route, full bool) {
	fmt.Fprintln(a.Stdout, "ok: APIs")
	if full {
		for _, r := range routes {
			fmt.Fprintf(a.Stdout, "Action: %s\n  API Name: %s\n  Base path: %s\n  Path: %s\n  Verb: %s\n  URL: %s\n", r.action, r.api, r.base, r.path, strings.ToLower(r.verb), r.url)
		}
		return
	}
	actions, names := len("Action"), len("API Name")
	for _, r := range routes {
		actions, names = min(40, max(actions, len(r.action))), min(30, max(names, len(r.api)))
	}
	row := fmt.Sprintf("%%-%ds %%7s %%%ds  %%s\n", actions, names)
	fmt.Fprintf(a.Stdout, row, "Action", "Verb", "API Name", "URL")
	for _, r := range routes {
		fmt.Fprintf(a.Stdout, row, r.action, strings.ToLower(r.verb), r.api, r.url)
	}
}
