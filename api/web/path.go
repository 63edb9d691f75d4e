package web

import (
	"net/url"
	"strings"

	"quirl/whisk"
)

// Prefix is what the paths of web actions begin with.
const Prefix = "/api/v1/web/"

// An Extension chooses the transcoder of a response, e.g. ".json".
type Extension string

// The extensions, in the order in which they are tried.
const (
	HTTP Extension = ".http"
	JSON Extension = ".json"
	HTML Extension = ".html"
	SVG  Extension = ".svg"
	Text Extension = ".text"
)

var extensions = [...]Extension{HTTP, JSON, HTML, SVG, Text}

// A Path is the path of a web action, taken apart.
type Path struct {
	Name      whisk.FullName
	Extension Extension
	// Explicit says that the path names the extension; else it is HTTP.
	Explicit bool
	// Rest is what follows the action, not unescaped: "", "/" or "/a%20b".
	Rest string
}

// ParsePath reads an escaped path behind Prefix: {ns}/{pkg|default}/{action[.ext]}{rest}.
// It returns false when that is no web action's path, which then means something else.
func ParsePath(escaped string) (Path, bool) {
	var segments [3]string
	rest := escaped
	for i := range segments {
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		segment, err := url.PathUnescape(rest[:end])
		if err != nil {
			return Path{}, false
		}
		segments[i] = segment
		rest = rest[end:]
		if i < 2 {
			rest = strings.TrimPrefix(rest, "/")
		}
	}
	namespace, pkg := segments[0], segments[1]
	name, extension, explicit := cutExtension(segments[2])
	if !whisk.ValidName(namespace) || !whisk.ValidName(pkg) || !whisk.ValidName(name) {
		return Path{}, false
	}
	path := whisk.Path(namespace)
	if pkg != "default" {
		path = path.Join(pkg)
	}
	return Path{whisk.FullName{Path: path, Name: name}, extension, explicit, rest}, true
}

// cutExtension cuts one extension off; "a.json.json" is the action "a.json".
func cutExtension(segment string) (name string, e Extension, explicit bool) {
	for _, e := range extensions {
		if name, ok := strings.CutSuffix(segment, string(e)); ok {
			return name, e, true
		}
	}
	return segment, HTTP, false
}

// NoExtension is the error for a path without extension where one is required.
func NoExtension() error {
	names := make([]string, len(extensions))
	for i, e := range extensions {
		names[i] = string(e)
	}
	return whisk.Errorf(whisk.NotAcceptable, "Extension must be specified and one of [%s].", strings.Join(names, ", "))
}
