package entitlement_test

import (
	"context"
	"testing"

	"quirl/entitlement"
	"quirl/whisk"
)

// refusals answers for each resource with what stands under its id.
type refusals struct {
	entitlement.Entitlement
	by map[string]error
}

// Authorize is that of entitlement.Entitlement.
func (r refusals) Authorize(_ context.Context, _ *whisk.Identity, _ entitlement.Right, res entitlement.Resource) error {
	return r.by[res.ID()]
}

func TestAuthorizeAll(t *testing.T) {
	forbidden := func(id string) error {
		return whisk.Errorf(whisk.Forbidden, "The supplied authentication is not authorized to access '%s'.", id)
	}
	e := refusals{by: map[string]error{
		"o/a": forbidden("o/a"), "o/b": forbidden("o/b"), "o/p/c": forbidden("o/p"), "o/q/d": forbidden("o/q"),
		"ns/gone/x": whisk.Errorf(whisk.NotFound, "gone"), "ns/bad": whisk.Errorf(whisk.Internal, "broken"),
	}}
	const refused = "The supplied authentication is not authorized to access "
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"ns/mine", "ns/p/mine"}, ""},
		{[]string{"o/b", "ns/mine", "o/a", "o/b"}, refused + "'o/a, o/b'."},
		{[]string{"o/q/d", "o/a", "o/p/c"}, refused + "'o/p'."},
		{[]string{"ns/gone/x", "o/a"}, refused + "'o/a'."},
		{[]string{"ns/gone/x", "ns/bad"}, "gone"},
	} {
		var resources []entitlement.Resource
		for _, n := range tt.names {
			name, err := whisk.ParseFullName(n)
			if err != nil {
				t.Fatal(err)
			}
			resources = append(resources, entitlement.EntityResource(whisk.Actions, name))
		}
		got := ""
		if err := entitlement.AuthorizeAll(t.Context(), e, nil, entitlement.Read, resources...); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.names, got, tt.want)
		}
	}
}
