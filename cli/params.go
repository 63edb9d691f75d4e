package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"quirl/client"
)

// params are the parameters and annotations of a command line. Their flags take
// two words, so they are taken out before the other flags are read.
type params struct {
	parameters, annotations client.KeyValues
	feed, trigger           client.KeyValues // of a trigger with a feed, where they are told apart
}

// extractParams takes the two-word flags out of args. When strict, a value that is no JSON and cannot be put
// between quotes as it is is an error, as for wsk.
func extractParams(args []string, strict bool) (rest []string, p params, err error) {
	take := func(kvs *client.KeyValues, i *int, words int, what string) error {
		return takeParams(kvs, args, i, words, what, strict)
	}
	for i := 0; i < len(args); i++ {
		switch flag := args[i]; flag {
		case "-p", "--param":
			err = take(&p.parameters, &i, 2, "parameter")
		case "-a", "--annotation":
			err = take(&p.annotations, &i, 2, "annotation")
		case "-F", "--feed-param":
			err = take(&p.feed, &i, 2, "parameter")
		case "-T", "--trigger-param":
			err = take(&p.trigger, &i, 2, "parameter")
		case "-P", "--param-file":
			err = take(&p.parameters, &i, 1, "parameter")
		case "-A", "--annotation-file":
			err = take(&p.annotations, &i, 1, "annotation")
		case "--":
			return append(rest, args[i:]...), p, nil
		default:
			rest = append(rest, flag)
		}
		if err != nil {
			return nil, p, err
		}
	}
	return rest, p, nil
}

// put collects pairs, a later one of a key in place of an earlier one.
func put(kvs client.KeyValues, key string, value json.RawMessage) client.KeyValues {
	kvs = slices.DeleteFunc(kvs, func(kv client.KeyValue) bool { return kv.Key == key })
	return append(kvs, client.KeyValue{Key: key, Value: value})
}

// merged has all of both, and of a key what is in the second one.
func merged(first, second client.KeyValues) client.KeyValues {
	all := slices.Clone(first)
	for _, kv := range second {
		all = put(all, kv.Key, kv.Value)
	}
	return all
}

// takeParams reads the words behind the flag args[*i] and moves *i to the last of them.
func takeParams(kvs *client.KeyValues, args []string, i *int, words int, what string, strict bool) error {
	flag := args[*i]
	given := args[*i+1:]
	if words == 1 {
		if len(given) == 0 {
			return malformed("An argument must be provided for '%s'", flag)
		}
		*i++
		return readParamFile(kvs, given[0], what)
	}
	if len(given) < 2 {
		return malformed("Failed to parse arguments: The %s arguments are invalid: Arguments for '%s' must be a key/value pair", what, flag)
	}
	*i += 2
	value, err := parseValue(given[1], strict)
	if err != nil {
		return malformed("Invalid %s argument '%s': %w", what, given[1], err)
	}
	*kvs = put(*kvs, given[0], value)
	return nil
}

// malformed is an error in the words of the command line, followed by a hint to the help.
func malformed(format string, args ...any) error {
	return &exitError{code: exitGeneral, err: fmt.Errorf(format, args...), usage: true}
}

// parseValue takes text for JSON when it is, else for a string.
func parseValue(text string, strict bool) (json.RawMessage, error) {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	quoted := json.RawMessage(`"` + text + `"`)
	err := json.Unmarshal(quoted, new(string))
	if err == nil {
		return quoted, nil
	}
	if strict {
		return nil, err
	}
	encoded, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	return encoded, nil
}

func readParamFile(kvs *client.KeyValues, file, what string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return missingFile(file)
	}
	members, err := sortedObject(text)
	if err != nil {
		return malformed("Invalid %s argument '%s': %w", what, file, err)
	}
	for _, m := range members {
		*kvs = put(*kvs, m.Key, m.Value)
	}
	return nil
}

func missingFile(file string) error {
	return &exitError{code: exitUsage, err: fmt.Errorf("File '%s' is not a valid file or it does not exist", file), usage: true}
}

// object is the parameters as one JSON object.
func object(kvs client.KeyValues) map[string]json.RawMessage {
	o := make(map[string]json.RawMessage, len(kvs))
	for _, kv := range kvs {
		o[kv.Key] = kv.Value
	}
	return o
}

// sortedObject reads an object's members, sorted by key.
func sortedObject(text []byte) (client.KeyValues, error) {
	var check map[string]json.RawMessage
	if err := json.Unmarshal(text, &check); err != nil {
		return nil, fmt.Errorf("a JSON object is expected: %w", err)
	}
	if check == nil {
		return nil, errors.New("a JSON object is expected, not null")
	}
	keys := make([]string, 0, len(check))
	for key := range check {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var kvs client.KeyValues
	for _, key := range keys {
		kvs = append(kvs, client.KeyValue{Key: key, Value: check[key]})
	}
	return kvs, nil
}
