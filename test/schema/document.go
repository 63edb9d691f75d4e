// Package schema holds what goes over the wire against the API's description:
// ours, and OpenWhisk's own where that lies beside this project.
//
// A test that speaks to the server makes a Checker and gives it every exchange:
//
//	problems := checker.Check(schema.Exchange{Method: "GET", Path: "/api/v1/namespaces", Status: 200, Body: body})
package schema

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-openapi/loads"
	"github.com/go-openapi/spec"
	"github.com/go-openapi/strfmt"
	"github.com/go-openapi/validate"
)

// An Exchange is a request and its answer.
type Exchange struct {
	Method string
	Path   string // as sent: with the base path, escaped, without the query
	Query  url.Values
	// Request is the body that was sent, Body the one that came back.
	Request []byte
	Status  int
	Body    []byte
}

// accepted says that the server took the request: then it must have been valid.
// A 502 is the answer of a function that failed.
func (x *Exchange) accepted() bool { return x.Status < 300 || x.Status == http.StatusBadGateway }

// A document is a description that exchanges are held against.
type document struct {
	name   string
	spec   *spec.Swagger
	routes []route // the more literal ones first
}

// A route is a path of the document.
type route struct {
	template string
	pattern  *regexp.Regexp
	item     spec.PathItem
}

// load reads a document. Its name is for messages.
func load(name string, text []byte) (*document, error) {
	doc, err := loads.Analyzed(text, "2.0")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if doc, err = doc.Expanded(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d := &document{name: name, spec: doc.Spec()}
	for template, item := range d.spec.Paths.Paths {
		pattern := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
		d.routes = append(d.routes, route{template, regexp.MustCompile("^" + pattern + "$"), item})
	}
	slices.SortFunc(d.routes, func(a, b route) int {
		return strings.Count(a.template, "{") - strings.Count(b.template, "{")
	})
	return d, nil
}

// covers says that the path is below the document's base path.
func (d *document) covers(path string) bool {
	base := strings.TrimSuffix(d.spec.BasePath, "/")
	return path == base || strings.HasPrefix(path, base+"/")
}

// check returns what the document does not allow in x.
func (d *document) check(x *Exchange) []string {
	operation, shared := d.find(x)
	if operation == nil {
		return d.checkUnknown(x)
	}
	problems := d.checkAnswer(operation, x)
	if x.accepted() {
		problems = append(problems, checkRequest(append(shared, operation.Parameters...), x)...)
	}
	return problems
}

// webAction is the part of a web action's path that documents describe.
var webAction = regexp.MustCompile(`^/web/[^/]+/[^/]+/[^/]+`)

// find returns the operation of a request and its path's parameters, nil when there is none.
func (d *document) find(x *Exchange) (*spec.Operation, []spec.Parameter) {
	path := strings.TrimPrefix(x.Path, strings.TrimSuffix(d.spec.BasePath, "/"))
	if path == "" {
		path = "/"
	}
	if m := webAction.FindString(path); m != "" {
		path = m // what follows is the action's own
	}
	candidates := []string{path}
	if strings.HasPrefix(path, "/namespaces") {
		// A slash behind a collection or an entity does not matter, unless it has a meaning of its own.
		candidates = append(candidates, strings.TrimSuffix(path, "/"))
	}
	for _, candidate := range candidates {
		for _, r := range d.routes {
			if operation := operationOf(&r.item, x.Method); operation != nil && r.pattern.MatchString(candidate) {
				return operation, r.item.Parameters
			}
		}
	}
	return nil, nil
}

func operationOf(item *spec.PathItem, method string) *spec.Operation {
	return map[string]*spec.Operation{
		http.MethodGet: item.Get, http.MethodPut: item.Put, http.MethodPost: item.Post, http.MethodDelete: item.Delete,
		http.MethodHead: item.Head, http.MethodPatch: item.Patch, http.MethodOptions: item.Options,
	}[method]
}

// checkUnknown wants a request that the document does not know to be refused.
func (d *document) checkUnknown(x *Exchange) []string {
	if x.Status < 400 {
		return []string{fmt.Sprintf("is answered %d, but is not described", x.Status)}
	}
	return d.checkError(x)
}

// checkError wants an error's body to be the model ErrorMessage.
func (d *document) checkError(x *Exchange) []string {
	model, ok := d.spec.Definitions["ErrorMessage"]
	if !ok || len(x.Body) == 0 || !json.Valid(x.Body) {
		return nil // what is outside of the API, HEAD, and errors of the connection
	}
	return against(&model, "the error", x.Body)
}

// checkAnswer holds status and body against the operation.
func (d *document) checkAnswer(o *spec.Operation, x *Exchange) []string {
	answer := o.Responses.Default
	if described, ok := o.Responses.StatusCodeResponses[x.Status]; ok {
		answer = &described
	}
	switch {
	case answer == nil:
		return append([]string{fmt.Sprintf("status %d is not described", x.Status)}, d.checkError(x)...)
	case answer.Schema == nil || isAnything(answer.Schema):
		return nil
	case slices.Contains(o.Produces, "text/plain") && !json.Valid(x.Body):
		return nil
	case x.Status == http.StatusOK && isTrue(x.Query.Get("count")) && answer.Schema.Type.Contains("array"):
		return d.checkCount(x)
	}
	return against(answer.Schema, "the body", x.Body)
}

// checkCount holds the answer of a list with count=true against its own model,
// which OpenAPI 2 cannot name beside that of the list.
func (d *document) checkCount(x *Exchange) []string {
	model, ok := d.spec.Definitions["EntityCount"]
	if !ok {
		return nil
	}
	return against(&model, "the count", x.Body)
}

func isTrue(text string) bool {
	return slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(text))
}

// isAnything says that a schema allows everything, also what is no JSON.
func isAnything(s *spec.Schema) bool {
	text, err := json.Marshal(s)
	return err == nil && string(text) == "{}" || s.Type.Contains("file")
}

// checkRequest holds query and body against the parameters.
func checkRequest(parameters []spec.Parameter, x *Exchange) []string {
	var problems []string
	for i := range parameters {
		p := &parameters[i]
		switch {
		case p.In == "query" && x.Query.Has(p.Name):
			problems = append(problems, checkQuery(p, x.Query.Get(p.Name))...)
		case p.In == "body" && !isAnything(p.Schema) && (p.Required || len(x.Request) > 0):
			problems = append(problems, against(p.Schema, "the request's body", x.Request)...)
		}
	}
	return problems
}

func checkQuery(p *spec.Parameter, text string) []string {
	var value any = text
	var err error
	switch p.Type {
	case "integer":
		value, err = strconv.ParseInt(text, 10, 64)
	case "boolean":
		value = text == "true"
		if text != "true" && text != "false" {
			err = strconv.ErrSyntax
		}
	}
	if err != nil {
		return []string{fmt.Sprintf("the parameter %s is %q, not %s", p.Name, text, p.Type)}
	}
	schema := spec.Schema{SchemaProps: spec.SchemaProps{
		Type: spec.StringOrArray{p.Type}, Enum: p.Enum, Minimum: p.Minimum, Maximum: p.Maximum, Pattern: p.Pattern,
	}}
	if err := validate.AgainstSchema(&schema, value, strfmt.Default); err != nil {
		return []string{fmt.Sprintf("the parameter %s is %q: %s", p.Name, text, flat(err))}
	}
	return nil
}

// against holds a JSON text against a schema.
func against(s *spec.Schema, what string, text []byte) []string {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return []string{fmt.Sprintf("%s is no JSON: %v", what, err)}
	}
	if err := validate.AgainstSchema(s, value, strfmt.Default); err != nil {
		return []string{what + " is not as described: " + flat(err)}
	}
	return nil
}

func flat(err error) string {
	text := strings.TrimPrefix(err.Error(), "validation failure list:\n")
	return strings.ReplaceAll(text, "\n", "; ")
}
