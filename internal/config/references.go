package config

import (
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
)

// Resolve replaces references in the texts of cfg, a pointer to a struct that was loaded:
// ${file:PATH} by the content of a file, without the end of its last line, and ${env:NAME} by a
// variable of the environment; $${ stands for ${. In a field tagged `url:"true"` what replaces a part
// of the text is escaped as passwords in URLs are; what is the whole text is taken as it is.
func Resolve(cfg any, getenv func(string) string) error {
	for _, f := range fields(cfg) {
		if f.value.Kind() != reflect.String {
			continue
		}
		text, err := resolve(f.value.String(), f.url, getenv)
		if err != nil {
			return fmt.Errorf("%s: %w", f.key, err)
		}
		f.value.SetString(text)
	}
	return nil
}

func resolve(text string, isURL bool, getenv func(string) string) (string, error) {
	var out strings.Builder
	for rest := text; ; {
		at := strings.Index(rest, "${")
		if at < 0 {
			out.WriteString(rest)
			return out.String(), nil
		}
		if at > 0 && rest[at-1] == '$' {
			out.WriteString(rest[:at-1] + "${")
			rest = rest[at+len("${"):]
			continue
		}
		reference, after, ok := strings.Cut(rest[at+len("${"):], "}")
		if !ok {
			return "", fmt.Errorf("a reference has no end: %s", rest[at:])
		}
		value, err := lookUp(reference, getenv)
		if err != nil {
			return "", err
		}
		if whole := at == 0 && after == "" && out.Len() == 0; isURL && !whole {
			value = strings.TrimPrefix(url.UserPassword("", value).String(), ":")
		}
		out.WriteString(rest[:at] + value)
		rest = after
	}
}

func lookUp(reference string, getenv func(string) string) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	switch kind {
	case "file":
		content, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("${%s}: %w", reference, err)
		}
		return strings.TrimRight(string(content), "\r\n"), nil
	case "env":
		value := getenv(name)
		if value == "" {
			return "", fmt.Errorf("${%s}: there is no such variable", reference)
		}
		return value, nil
	}
	return "", fmt.Errorf("${%s} is neither ${file:PATH} nor ${env:NAME}", reference)
}
