package api

import (
	"strconv"
	"strings"

	"quirl/whisk"
)

// maxList is the most that one list shows.
const maxList = 200

func malformedParameter(name, format string, args ...any) error {
	e := whisk.Errorf(whisk.MalformedParameter, format, args...)
	e.Message = "The query parameter '" + name + "' was malformed:\n" + e.Message
	return e
}

// flag reads a Boolean query parameter; absent and empty are preset.
func (r *request) flag(name string, preset bool) (bool, error) {
	value := r.param(name)
	switch strings.ToLower(value) {
	case "":
		return preset, nil
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, malformedParameter(name, "'%s' is not a valid Boolean value", value)
}

// param returns a query parameter's value, empty when absent. Most requests have
// no query, which costs nothing.
func (r *request) param(name string) string {
	value, _ := r.optional(name)
	return value
}

func (r *request) optional(name string) (string, bool) {
	if r.URL.RawQuery == "" {
		return "", false
	}
	if r.query == nil {
		r.query = r.URL.Query()
	}
	values, ok := r.query[name]
	if !ok {
		return "", false
	}
	return values[0], true
}

// page reads skip and limit for a collection.
func (r *request) page(collection string) (skip, limit int, err error) {
	if value, ok := r.optional("skip"); ok {
		n, err := parseInt(value)
		if err != nil {
			return 0, 0, malformedParameter("skip", "The value '%s' is not an integer for %s.", value, collection)
		}
		if n < 0 {
			return 0, 0, malformedParameter("skip", "The value '%d' is not greater than or equal to 0 for %s.", n, collection)
		}
		skip = n
	}
	limit = 30
	if value, ok := r.optional("limit"); ok {
		n, err := parseInt(value)
		if err != nil {
			return 0, 0, malformedParameter("limit", "The value '%s' is not an integer for %s.", value, collection)
		}
		if n < 0 || n > maxList {
			return 0, 0, malformedParameter("limit", "The value '%d' is not in the range of 0 to %d for %s.", n, maxList, collection)
		}
		if limit = n; n == 0 {
			limit = maxList
		}
	}
	return skip, limit, nil
}

// parseInt reads a whole number of 32 bits, as OpenWhisk does.
func parseInt(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), err
}

// millis reads a point in time in epoch milliseconds, 0 when absent.
func (r *request) millis(name string) (int64, error) {
	value, ok := r.optional(name)
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, malformedParameter(name, "Parameter is not a valid value for epoch seconds: %s", value)
	}
	return n, nil
}
