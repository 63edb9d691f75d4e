package ingress

import (
	"net/http"
	"regexp"
	"strings"
)

// vanityName is what a sub-domain may be to stand for a namespace.
var vanityName = regexp.MustCompile(`^[0-9a-zA-Z-]+$`)

// Vanity serves the web actions of a namespace at the root of the sub-domain of
// its name: of host "example.org" the URL http://ns.example.org/x/y is
// /api/v1/web/ns/x/y, and http://ns.example.org/ alone is the page of the action
// public/index. A host without a port is that host on any port; an empty one
// turns the rule off. All other requests go to h as they are.
func Vanity(host string, h http.Handler) http.Handler {
	if host == "" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if namespace, ok := vanityNamespace(r.Host, host); ok && strings.HasPrefix(r.URL.Path, "/") {
			r = rewritten(r, namespace)
		}
		h.ServeHTTP(w, r)
	})
}

// vanityNamespace returns the sub-domain of host that a request is for.
func vanityNamespace(requested, host string) (string, bool) {
	if !strings.Contains(host, ":") {
		requested, _, _ = strings.Cut(requested, ":")
	}
	at := len(requested) - len(host) - 1
	if at < 1 || requested[at] != '.' || !strings.EqualFold(requested[at+1:], host) {
		return "", false
	}
	return requested[:at], vanityName.MatchString(requested[:at])
}

// rewritten returns r for the path in the API; the path stays escaped as it came.
func rewritten(r *http.Request, namespace string) *http.Request {
	target := *r.URL
	prefix := "/api/v1/web/" + namespace
	if target.Path == "/" {
		target.Path, target.RawPath = prefix+"/public/index.html", ""
	} else {
		target.Path = prefix + r.URL.Path
		if r.URL.RawPath != "" {
			target.RawPath = prefix + r.URL.RawPath
		}
	}
	copied := *r
	copied.URL = &target
	return &copied
}
