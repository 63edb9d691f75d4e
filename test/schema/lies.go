package schema

import "regexp"

// openWhisk names OpenWhisk's own document in messages.
const openWhisk = "OpenWhisk's document"

// A lie is where a description and the server differ, and the server is right.
type lie struct {
	document string         // empty for all
	problem  *regexp.Regexp // of "METHOD path: problem (document)"
	reason   string
}

var lies = []lie{
	{"", regexp.MustCompile(`^OPTIONS \S+: is answered 200, but is not described`), "OPTIONS is answered on every path: browsers ask before they call"},
	{"", regexp.MustCompile(`: status (414|431) is not described|: the body is no JSON: invalid character 'R'`), "what is far too large is refused in plain text, before the API sees it"},
	{"", regexp.MustCompile(`: the request's body is not as described: .*: "null"`), "a member that is null counts as absent; OpenAPI 2 has no null"},
	{"", regexp.MustCompile(`: the parameter \w+ is "(?i:true|false|yes|no|on|off|1|0|)"`), "booleans can be written in many ways, and an empty value is none"},
	{"", regexp.MustCompile(`^PUT \S+/rules/\S+: the request's body is not as described: (trigger|action) in body must be of type string: "object"`), "a rule's references may be objects {path, name}, which OpenAPI 2 cannot say beside a text"},

	{openWhisk, regexp.MustCompile(`: status (400|403|404|409|413|415|503) is not described`), "errors that every operation may end in are listed with some"},
	{openWhisk, regexp.MustCompile(`: the (request's )?body is not as described: .*exec\.kind in body should be one of`), "kinds are those of a deployment"},
	{openWhisk, regexp.MustCompile(`^(GET|OPTIONS) /api/v1(/|/docs.*|/api-docs)?: is answered`), "the info document and the description do not describe themselves"},
	{openWhisk, regexp.MustCompile(`^GET \S+/actions/[^/]+/: `), "the list of a package's actions is not described; its path looks like that of an action"},
	{openWhisk, regexp.MustCompile(`^\S+ /api/v1/web/\S+: (is answered|the request's body is)`), "web actions have all methods, need no extension, and take any body"},
}
