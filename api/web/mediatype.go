package web

import (
	"slices"
	"strings"
)

// A mediaType is a Content-Type header, taken apart.
type mediaType struct {
	name    string   // "text/html", lower case
	params  []string // "key=value" as given, without the charset
	charset string   // empty when none is named
}

var octetStream = mediaType{name: "application/octet-stream"}

// parseMediaType reads a header's value; false when it is none.
func parseMediaType(value string) (mediaType, bool) {
	name, params, _ := strings.Cut(value, ";")
	m := mediaType{name: strings.ToLower(strings.Trim(name, " \t"))}
	kind, sub, _ := strings.Cut(m.name, "/")
	if !isToken(kind) || !isToken(sub) {
		return mediaType{}, false
	}
	for params != "" {
		var param string
		param, params = cutParam(params)
		if param == "" {
			continue
		}
		key, v, ok := strings.Cut(param, "=")
		if !ok || !isToken(key) || !isToken(v) && !isQuoted(v) {
			return mediaType{}, false
		}
		if strings.EqualFold(key, "charset") {
			m.charset = canonicalCharset(strings.Trim(v, `"`))
		} else {
			m.params = append(m.params, param)
		}
	}
	return m, true
}

// cutParam cuts the first parameter off, which may hold a ';' between quotes.
func cutParam(params string) (param, rest string) {
	quoted := false
	for i := 0; i < len(params); i++ {
		switch {
		case params[i] == '"':
			quoted = !quoted
		case params[i] == '\\' && quoted:
			i++
		case params[i] == ';' && !quoted:
			return strings.Trim(params[:i], " \t"), params[i+1:]
		}
	}
	return strings.Trim(params, " \t"), ""
}

// isToken says whether s is a token of RFC 9110: what names of headers and types are made of.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// isQuoted says whether s is a quoted string of RFC 9110.
func isQuoted(s string) bool {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	inner := s[1 : len(s)-1]
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '\\' && i+1 < len(inner):
			i++
		case c == '\\' || c == '"' || c < ' ' && c != '\t' || c == 0x7f:
			return false
		}
	}
	return true
}

// canonicalCharset writes the common charsets as they are registered.
func canonicalCharset(name string) string {
	for _, known := range [...]string{"UTF-8", "US-ASCII", "ISO-8859-1", "UTF-16", "UTF-16BE", "UTF-16LE"} {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return name
}

// String renders the type. Those whose charset is fixed have none.
func (m mediaType) String() string {
	if m.params == nil && m.charset == "" {
		return m.name
	}
	s := strings.Join(append([]string{m.name}, m.params...), "; ")
	if m.charset != "" && !m.isJSON() && !m.isForm() {
		s += "; charset=" + m.charset
	}
	return s
}

// utf8 is the type of a text that we send, whatever charset the function named.
func (m mediaType) utf8() mediaType {
	m.charset = "UTF-8"
	return m
}

func (m mediaType) isJSON() bool { return m.name == "application/json" }

// isJSONFamily includes application/cloudevents+json and its kin.
func (m mediaType) isJSONFamily() bool { return m.isJSON() || strings.HasSuffix(m.name, "+json") }

func (m mediaType) isForm() bool { return m.name == "application/x-www-form-urlencoded" }

// Types of the kind "application" that are text, and those that never are.
var (
	textual = []string{
		"application/json", "application/x-www-form-urlencoded", "application/javascript", "application/xml", "application/xml-dtd",
		"application/xhtml+xml", "application/atom+xml", "application/rss+xml", "application/soap+xml", "application/vnd.google-earth.kml+xml",
	}
	binary = []string{
		"application/octet-stream", "application/zip", "application/gzip", "application/x-gzip", "application/x-tar", "application/x-bzip2",
		"application/x-7z-compressed", "application/x-rar-compressed", "application/java-archive", "application/pdf", "application/msword",
		"application/vnd.ms-excel", "application/vnd.ms-powerpoint",
	}
)

// isBinary says whether content of the type travels as base64 in JSON. A type
// that is not known is binary unless it names a charset.
func (m mediaType) isBinary() bool {
	switch kind, _, _ := strings.Cut(m.name, "/"); kind {
	case "text":
		return false
	case "image", "audio", "video", "font", "multipart": // image/svg+xml too, text though it is
		return true
	}
	if slices.Contains(textual, m.name) {
		return false
	}
	return m.charset == "" || slices.Contains(binary, m.name)
}
