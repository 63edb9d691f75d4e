package entitlementtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// allowed stands for no error in the table.
const allowed whisk.Kind = -1

// testRights is the matrix of OpenWhisk's implicit rights: what the owner of
// namespace "ns" and a stranger may do. "ns" has the packages private and
// shared, and bindings to its own and to others' packages.
func testRights(t *testing.T, open Open) {
	all := entities{}
	add := func(namespace, name string, publish bool, to *whisk.Binding) {
		p := &whisk.Package{Meta: whisk.Meta{Namespace: whisk.Path(namespace), Name: name, Publish: publish}, Binding: to}
		all[p.FullName().ID()] = p
	}
	add("ns", "private", false, nil)
	add("ns", "shared", true, nil)
	add("other", "private", false, nil)
	add("other", "shared", true, nil)
	add("ns", "toOwn", true, &whisk.Binding{Namespace: "ns", Name: "private"})
	add("ns", "toShared", true, &whisk.Binding{Namespace: "other", Name: "shared"})
	add("ns", "toPrivate", false, &whisk.Binding{Namespace: "other", Name: "private"})
	add("ns", "toNothing", false, &whisk.Binding{Namespace: "other", Name: "gone"})
	add("ns", "toItself", false, &whisk.Binding{Namespace: "ns", Name: "toItself"})
	all["ns/action"] = &whisk.Action{Meta: whisk.Meta{Namespace: "ns", Name: "action"}}
	clock := &Clock{now: time.Unix(0, 0)}
	e := open(t, all, whisk.DefaultLimits(), clock)

	read, put, del, activate := entitlement.Read, entitlement.Put, entitlement.Delete, entitlement.Activate
	type resource = entitlement.Resource
	at := func(c whisk.Collection, path whisk.Path, name string) resource {
		return resource{Collection: c, Path: path, Name: name}
	}
	for _, tt := range []struct {
		r               resource
		rights          []entitlement.Right
		owner, stranger whisk.Kind
	}{
		// lists
		{resource{Collection: whisk.Actions, Path: "ns"}, []entitlement.Right{read}, allowed, whisk.Forbidden},
		{resource{Collection: whisk.Triggers, Path: "ns"}, []entitlement.Right{read}, allowed, whisk.Forbidden},
		{resource{Collection: whisk.Rules, Path: "ns"}, []entitlement.Right{read}, allowed, whisk.Forbidden},
		{resource{Collection: "activations", Path: "ns"}, []entitlement.Right{read}, allowed, whisk.Forbidden},
		{resource{Collection: "limits", Path: "ns"}, []entitlement.Right{read}, allowed, whisk.Forbidden},
		{resource{Collection: whisk.Packages, Path: "ns"}, []entitlement.Right{read}, allowed, allowed},
		// in the namespace
		{at(whisk.Actions, "ns", "action"), []entitlement.Right{read, put, del, activate}, allowed, whisk.Forbidden},
		{at(whisk.Triggers, "ns", "t"), []entitlement.Right{read, put, del, activate}, allowed, whisk.Forbidden},
		{at(whisk.Rules, "ns", "r"), []entitlement.Right{read, put, del, activate}, allowed, whisk.Forbidden},
		{at("activations", "ns", "0123"), []entitlement.Right{read}, allowed, whisk.Forbidden},
		// actions in packages
		{at(whisk.Actions, "ns/private", "a"), []entitlement.Right{read, activate}, allowed, whisk.Forbidden},
		{at(whisk.Actions, "ns/shared", "a"), []entitlement.Right{read, activate}, allowed, allowed},
		{at(whisk.Actions, "ns/private", "a"), []entitlement.Right{put, del}, allowed, whisk.Forbidden},
		{at(whisk.Actions, "ns/shared", "a"), []entitlement.Right{put, del}, allowed, whisk.Forbidden},
		{at(whisk.Actions, "ns/gone", "a"), []entitlement.Right{read, activate}, whisk.NotFound, whisk.Forbidden},
		{at(whisk.Actions, "ns/action", "a"), []entitlement.Right{read, activate}, whisk.Conflict, whisk.Forbidden},
		// actions through bindings
		{at(whisk.Actions, "ns/toOwn", "a"), []entitlement.Right{read, activate}, allowed, whisk.Forbidden},
		{at(whisk.Actions, "ns/toShared", "a"), []entitlement.Right{read, activate}, allowed, whisk.Forbidden},
		{at(whisk.Actions, "ns/toPrivate", "a"), []entitlement.Right{read, activate}, whisk.Forbidden, whisk.Forbidden},
		{at(whisk.Actions, "ns/toNothing", "a"), []entitlement.Right{read, activate}, whisk.NotFound, whisk.Forbidden},
		{at(whisk.Actions, "ns/toItself", "a"), []entitlement.Right{read, activate}, whisk.BadRequest, whisk.Forbidden},
		// packages
		{at(whisk.Packages, "ns", "private"), []entitlement.Right{read}, allowed, whisk.Forbidden},
		{at(whisk.Packages, "ns", "shared"), []entitlement.Right{read}, allowed, allowed},
		{at(whisk.Packages, "ns", "shared"), []entitlement.Right{put, del}, allowed, whisk.Forbidden},
		{at(whisk.Packages, "ns", "private"), []entitlement.Right{put, del}, allowed, whisk.Forbidden},
		{at(whisk.Packages, "ns", "gone"), []entitlement.Right{read}, whisk.NotFound, whisk.Forbidden},
		{at(whisk.Packages, "ns", "gone"), []entitlement.Right{put, del}, allowed, whisk.Forbidden},
		{at(whisk.Packages, "ns", "toShared"), []entitlement.Right{read}, allowed, whisk.Forbidden},
		{at(whisk.Packages, "ns", "toPrivate"), []entitlement.Right{read}, whisk.Forbidden, whisk.Forbidden},
		{at(whisk.Packages, "ns", "action"), []entitlement.Right{read}, whisk.Conflict, whisk.Forbidden},
	} {
		for _, right := range tt.rights {
			for who, want := range map[string]whisk.Kind{"ns": tt.owner, "stranger": tt.stranger} {
				caller := &whisk.Identity{Subject: who, Namespace: who, Key: whisk.NewKey()}
				got := allowed
				err := e.Authorize(t.Context(), caller, right, tt.r)
				if err != nil {
					got = whisk.KindOf(err)
				}
				if got != want {
					t.Errorf("%s %s %s as %s: got kind %d (%v), want %d", right, tt.r.Collection, tt.r.ID(), who, got, err, want)
				}
			}
		}
	}
	stranger := &whisk.Identity{Namespace: "stranger"}
	for text, r := range map[string]resource{
		"The supplied authentication is not authorized to access 'ns'.":        {Collection: whisk.Actions, Path: "ns"},
		"The supplied authentication is not authorized to access 'ns/action'.": {Collection: whisk.Actions, Path: "ns", Name: "action"},
	} {
		if err := e.Authorize(t.Context(), stranger, read, r); err == nil || err.Error() != text {
			t.Errorf("read %s as a stranger: got %v, want %q", r.ID(), err, text)
		}
	}
}

// broken entities cannot be read.
type broken struct{ store.Entities }

var errBroken = errors.New("store is down")

func (broken) Entity(context.Context, string) (whisk.Entity, error) { return nil, errBroken }

func testStoreFails(t *testing.T, open Open) {
	e := open(t, broken{entities{}}, whisk.DefaultLimits(), &Clock{now: time.Unix(0, 0)})
	r := entitlement.Resource{Collection: whisk.Actions, Path: "ns/pkg", Name: "a"}
	for _, who := range []string{"ns", "stranger"} {
		err := e.Authorize(t.Context(), &whisk.Identity{Namespace: who}, entitlement.Read, r)
		if !errors.Is(err, errBroken) || whisk.KindOf(err) != whisk.Internal {
			t.Errorf("as %s: got %v, want %v", who, err, errBroken)
		}
	}
}
