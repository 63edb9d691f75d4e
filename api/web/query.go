package web

import (
	"net/url"
	"strings"

	"quirl/whisk"
)

// A pair is one of a query's or a form's; bare says that it has no '='.
type pair struct {
	key, value string
	bare       bool
}

// parsePairs reads a query or form: pairs between '&' alone, '+' is a space. An
// empty pair counts: "a&&b" has the key "". The error is the user's.
func parsePairs(text string) ([]pair, error) {
	if text == "" {
		return nil, nil
	}
	pairs := make([]pair, 0, 1+strings.Count(text, "&"))
	for part := range strings.SplitSeq(text, "&") {
		key, value, found := strings.Cut(part, "=")
		p := pair{bare: !found}
		var err error
		if p.key, err = unescape(key); err != nil {
			return nil, err
		}
		if p.value, err = unescape(value); err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

func unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, nil
	}
	text, err := url.QueryUnescape(s)
	if err != nil {
		return "", whisk.Errorf(whisk.BadRequest, "Illegal query: %v", err)
	}
	return text, nil
}

// encodePairs writes pairs as the server of OpenWhisk does, which parses a raw
// action's query and writes it anew: a space is '+', escapes are upper case.
func encodePairs(pairs []pair) string {
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		escape(&b, p.key, "!$'()*,;:@/?-._~")
		if !p.bare {
			b.WriteByte('=')
			escape(&b, p.value, "!$'()*,;:@/?-._~=")
		}
	}
	return b.String()
}

func escape(b *strings.Builder, s, safe string) {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			b.WriteByte('+')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(safe, c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
}
