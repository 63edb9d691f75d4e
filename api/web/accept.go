package web

import (
	"net/http"
	"strconv"
	"strings"

	"quirl/whisk"
)

// Acceptable holds the response against the client's Accept and Accept-Charset.
// Only what succeeds with an entity is negotiated; the error is the user's.
func (r *Response) Acceptable(h http.Header) error {
	if r.Type == "" || r.Status < 200 || r.Status > 299 {
		return nil
	}
	media, _, _ := strings.Cut(r.Type, ";")
	_, charset, textual := strings.Cut(r.Type, "charset=")
	if acceptsType(h["Accept"], media) && (!textual || acceptsCharset(h["Accept-Charset"], charset)) {
		return nil
	}
	return whisk.Errorf(whisk.NotAcceptable, "Resource representation is only available with these types:\n%s", r.offered)
}

// acceptsType says whether an Accept header takes the type; the most specific
// range decides. No header, an empty one, or one that cannot be read takes all.
func acceptsType(header []string, media string) bool {
	kind, _, _ := strings.Cut(media, "/")
	return accepts(header, func(name string) (match int, ok bool) {
		main, sub, found := strings.Cut(name, "/")
		switch {
		case !found || !isToken(main) || !isToken(sub):
			return 0, false
		case strings.EqualFold(name, media):
			return 3, true
		case sub == "*" && strings.EqualFold(main, kind):
			return 2, true
		case name == "*/*":
			return 1, true
		}
		return 0, true
	})
}

// acceptsCharset is acceptsType for Accept-Charset.
func acceptsCharset(header []string, charset string) bool {
	return accepts(header, func(name string) (match int, ok bool) {
		switch {
		case !isToken(name):
			return 0, false
		case strings.EqualFold(name, charset):
			return 2, true
		case name == "*":
			return 1, true
		}
		return 0, true
	})
}

// accepts goes through the elements of a header, "name;q=0.5, name2". rank says
// how specifically a name matches, 0 for not at all, or that it is malformed.
func accepts(header []string, rank func(name string) (match int, ok bool)) bool {
	best, quality, elements := 0, 0.0, 0
	for _, value := range header {
		for element := range strings.SplitSeq(value, ",") {
			element = strings.Trim(element, " \t")
			if element == "" {
				continue
			}
			name, params, _ := strings.Cut(element, ";")
			match, ok := rank(strings.Trim(name, " \t"))
			q, okQ := qualityOf(params)
			if !ok || !okQ {
				return true
			}
			elements++
			if match > best {
				best, quality = match, q
			}
		}
	}
	return elements == 0 || quality > 0
}

// qualityOf finds q among the parameters; the other ones do not matter here.
func qualityOf(params string) (float64, bool) {
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.Trim(param, " \t"), "=")
		if strings.EqualFold(key, "q") {
			q, err := strconv.ParseFloat(value, 64)
			return q, err == nil && q >= 0 && q <= 1
		}
	}
	return 1, true
}
