package cli

import (
	"fmt"
	"strings"
)

// An entityName is a name as given, split.
type entityName struct {
	namespace string // "_" when none was given
	entity    string // name, or package/name
}

func (n entityName) String() string { return "/" + n.namespace + "/" + n.entity }

// optionalName reads the one argument that a command may have; without it the
// caller's own namespace is meant.
func (a *app) optionalName(args []string) (entityName, error) {
	if len(args) == 0 {
		return entityName{namespace: "_"}, nil
	}
	return a.parseName(args[0])
}

// onlyNamespace is optionalName where nothing but a namespace may be named.
func (a *app) onlyNamespace(args []string) (entityName, error) {
	name, err := a.optionalName(args)
	if err == nil && name.entity != "" {
		err = &exitError{code: exitGeneral, err: fmt.Errorf("An entity name, '%s', was provided instead of a namespace. Valid namespaces are of the following format: /NAMESPACE.", args[0])}
	}
	return name, err
}

// parseName reads name, pkg/name, /ns/name, /ns/pkg/name or ns/pkg/name.
func (a *app) parseName(text string) (entityName, error) {
	bad := func() (entityName, error) {
		return entityName{}, &exitError{
			code: exitGeneral, usage: true,
			err: fmt.Errorf("'%s' is not a valid qualified name: A valid qualified name must be specified.", text),
		}
	}
	trimmed, absolute := strings.CutPrefix(text, "/")
	parts := strings.Split(trimmed, "/")
	for i, p := range parts {
		if p == "" && !(absolute && i == len(parts)-1 && i == 1) {
			return bad()
		}
	}
	namespace := a.props["NAMESPACE"]
	if namespace == "" {
		namespace = "_"
	}
	switch {
	case len(parts) > 3:
		return bad()
	case len(parts) == 3, absolute:
		return entityName{parts[0], strings.Join(parts[1:], "/")}, nil
	}
	return entityName{namespace, trimmed}, nil
}

// parseEntity is parseName where an entity must be named.
func (a *app) parseEntity(text string) (entityName, error) {
	n, err := a.parseName(text)
	if err == nil && n.entity == "" {
		return n, &exitError{
			code: exitGeneral, usage: true,
			err: fmt.Errorf("'%s' is not a valid qualified name: A valid qualified name must be specified.", text),
		}
	}
	return n, err
}
