package web

import (
	"slices"

	"quirl/whisk"
)

// reserved are the names that only the platform may give.
var reserved = []string{"__ow_method", "__ow_headers", "__ow_path", "__ow_user", "__ow_query", "__ow_body"}

// CheckNames refuses names in query or body that are reserved, or that a final
// action has bound to a value. A parameter that is bound to null is free. What a
// raw action is given is never spread, so it has no names.
func (a *Arguments) CheckNames(bound whisk.Parameters, final bool) error {
	for i := range a.given.list {
		key := a.given.list[i].Key
		if slices.Contains(reserved, key) || final && !whisk.IsNull(bound.Get(key)) {
			return whisk.Errorf(whisk.BadRequest, "Request defines parameters that are not allowed (e.g., reserved properties).")
		}
	}
	return nil
}
