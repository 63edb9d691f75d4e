package recorded_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ours are annotations of records that OpenWhisk does not have, and initTime,
// which a cold start alone has.
var ours = map[string]bool{"timeline": true, "coldStart": true, "initTime": true}

// free are the texts whose details are a parser's own.
var free = []string{
	"The request content was malformed:\nUnexpected ",
	"Illegal query: ",
	"The specified runtime '",
	"The request content was malformed:\nThe specified runtime '",
	"The request content was malformed:\nrequirement failed: path contains invalid parts ",
}

var placeholder = regexp.MustCompile(`^<[^<>]+>$`)

// diff compares got with want and names the first difference.
func (r *replayer) diff(path string, got, want any) string {
	switch w := want.(type) {
	case string:
		return r.diffText(path, got, w)
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want an object", path, got)
		}
		return r.diffObject(path, g, w)
	case []any:
		g, ok := got.([]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want an array", path, got)
		}
		return r.diffArray(path, g, w)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Sprintf("%s is %v, want %v", path, got, want)
	}
	return ""
}

func (r *replayer) diffText(path string, got any, want string) string {
	if want == "<time>" || want == "<duration>" {
		if _, ok := got.(float64); ok {
			return ""
		}
		return fmt.Sprintf("%s is %v, want a number", path, got)
	}
	if placeholder.MatchString(want) {
		if bound, ok := r.bound[want]; ok && want != "<tid>" && bound != fmt.Sprint(got) {
			return fmt.Sprintf("%s is %v, want %s = %s", path, got, want, bound)
		}
		r.bound[want] = fmt.Sprint(got)
		return ""
	}
	g, ok := got.(string)
	if !ok {
		return fmt.Sprintf("%s is %v, want %q", path, got, want)
	}
	if wantObject, isObject := jsonObject(want); isObject { // an entry of a trigger's log
		gotObject, _ := jsonObject(g)
		return r.diffObject(path, gotObject, wantObject)
	}
	for _, prefix := range free {
		if strings.HasPrefix(want, prefix) {
			prefix, _, _ = strings.Cut(prefix, "\nUnexpected")
			if strings.HasPrefix(g, prefix) {
				return ""
			}
		}
	}
	pattern := regexp.QuoteMeta(r.fill(want))
	pattern = regexp.MustCompile(`<(time|duration|host|build)>`).ReplaceAllString(pattern, `\S+`)
	if !regexp.MustCompile("^(?s:" + pattern + ")$").MatchString(g) {
		return fmt.Sprintf("%s is %q, want %q", path, g, want)
	}
	return ""
}

func (r *replayer) diffObject(path string, got, want map[string]any) string {
	for key, w := range want {
		g, ok := got[key]
		if !ok {
			return fmt.Sprintf("%s.%s is missing", path, key)
		}
		if d := r.diff(path+"."+key, g, w); d != "" {
			return d
		}
	}
	for key, g := range got {
		if _, ok := want[key]; !ok {
			return fmt.Sprintf("%s.%s is %v, want none", path, key, g)
		}
	}
	return ""
}

func jsonObject(text any) (object map[string]any, ok bool) {
	s, isText := text.(string)
	ok = isText && strings.HasPrefix(s, "{") && json.Unmarshal([]byte(s), &object) == nil
	return object, ok
}

// entries matches what stands for a long list of ids.
var entries = regexp.MustCompile(`^(\d+) entries$`)

func (r *replayer) diffArray(path string, got, want []any) string {
	if len(want) == 1 {
		if m := entries.FindStringSubmatch(fmt.Sprint(want[0])); m != nil {
			want = make([]any, len(got))
			copy(want, got)
			if m[1] != fmt.Sprint(len(got)) {
				return fmt.Sprintf("%s has %d elements, want %s", path, len(got), m[1])
			}
		}
	}
	got, want = byRule(byKey(got)), byRule(byKey(want))
	if len(got) != len(want) {
		return fmt.Sprintf("%s has %d elements, want %d", path, len(got), len(want))
	}
	for i := range want {
		if d := r.diff(fmt.Sprintf("%s[%d]", path, i), got[i], want[i]); d != "" {
			return d
		}
	}
	return ""
}

// byKey turns an array of more than two {key, value} into one object: behind it
// is a hash map that keeps the order of insertion as long as nothing was deleted.
func byKey(list []any) []any {
	object := map[string]any{}
	special := len(list) > 2
	for _, item := range list {
		m, ok := item.(map[string]any)
		key, isText := m["key"].(string)
		if !ok || !isText {
			return list
		}
		special = special || ours[key]
		if !ours[key] {
			object[key] = m["value"]
		}
	}
	if !special {
		return list
	}
	text, err := json.Marshal(object)
	if err != nil {
		return list
	}
	var plain any
	if json.Unmarshal(text, &plain) != nil {
		return list
	}
	return []any{plain}
}

// byRule sorts the entries of a trigger's log when there are so many that
// OpenWhisk has them in the order of a hash map.
func byRule(list []any) []any {
	if len(list) <= 4 {
		return list
	}
	rule := func(entry any) string {
		object, _ := jsonObject(entry)
		name, _ := object["rule"].(string)
		return name
	}
	if rule(list[0]) == "" {
		return list
	}
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b any) int { return strings.Compare(rule(a), rule(b)) })
	return sorted
}
