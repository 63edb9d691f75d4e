package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"quirl/client"
)

// params are the parameters and annotations of a command line. Their flags take
// two words, so they are taken out before the other flags are read.
type params struct {
	parameters, annotations client.KeyValues
}

// extractParams takes the two-word flags out of args.
func extractParams(args []string) (rest []string, p params, err error) {
	for i := 0; i < len(args); i++ {
		switch flag := args[i]; flag {
		case "-p", "--param":
			err = takeParams(&p.parameters, args, &i, 2, "parameter")
		case "-a", "--annotation":
			err = takeParams(&p.annotations, args, &i, 2, "annotation")
		case "-P", "--param-file":
			err = takeParams(&p.parameters, args, &i, 1, "parameter")
		case "-A", "--annotation-file":
			err = takeParams(&p.annotations, args, &i, 1, "annotation")
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

// takeParams reads the words behind the flag args[*i] and moves *i to the last of them.
func takeParams(kvs *client.KeyValues, args []string, i *int, words int, what string) error {
	flag := args[*i]
	given := args[*i+1:]
	if words == 1 {
		if len(given) == 0 {
			return usageError("An argument must be provided for '%s'", flag)
		}
		*i++
		return readParamFile(kvs, given[0])
	}
	if len(given) < 2 {
		return usageError("Failed to parse arguments: The %s arguments are invalid: Arguments for '%s' must be a key/value pair", what, flag)
	}
	*i += 2
	value, err := parseValue(given[1])
	if err != nil {
		return usageError("Invalid %s argument '%s': %w", what, given[1], err)
	}
	*kvs = put(*kvs, given[0], value)
	return nil
}

// parseValue takes text for JSON when it is, else for a string.
func parseValue(text string) (json.RawMessage, error) {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	quoted := json.RawMessage(`"` + text + `"`)
	if json.Valid(quoted) {
		return quoted, nil
	}
	encoded, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	return encoded, nil
}

func readParamFile(kvs *client.KeyValues, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return usageError("File '%s' is not a valid file or it does not exist", file)
	}
	members, err := sortedObject(text)
	if err != nil {
		return usageError("Invalid parameter argument '%s': %w", file, err)
	}
	for _, m := range members {
		*kvs = put(*kvs, m.Key, m.Value)
	}
	return nil
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
