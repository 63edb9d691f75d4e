package api

import "quirl/whisk"

// A change is what the bodies of PUT have in common; what is nil was not given.
type change struct {
	parameters, annotations       whisk.Parameters
	hasParameters, hasAnnotations bool
	version                       *whisk.Version
	publish                       *bool
}

func (m members) change() (c change, err error) {
	if c.parameters, c.hasParameters, err = m.parameters("parameters"); err != nil {
		return c, err
	}
	if c.version, err = m.version(); err != nil {
		return c, err
	}
	if c.publish, err = m.publish(); err != nil {
		return c, err
	}
	c.annotations, c.hasAnnotations, err = m.parameters("annotations")
	return c, err
}

// meta returns what the entity has after the change; old is nil when it is new.
// Annotations are replaced as a whole.
func (c *change) meta(name whisk.FullName, old *whisk.Meta) whisk.Meta {
	m := whisk.Meta{Namespace: name.Path, Name: name.Name, Version: whisk.FirstVersion(), Annotations: c.annotations}
	if old != nil {
		m = *old
		m.Version = old.Version.Next()
		if c.hasAnnotations {
			m.Annotations = c.annotations
		}
	}
	if c.version != nil {
		m.Version = *c.version
	}
	if c.publish != nil {
		m.Publish = *c.publish
	}
	return m
}

// over returns the parameters after the change.
func (c *change) over(old whisk.Parameters) whisk.Parameters {
	if c.hasParameters {
		return c.parameters
	}
	return old
}

// readChange reads the body of a PUT and then whether it may overwrite.
func (r *request) readChange() (m members, c change, overwrite bool, err error) {
	if m, err = r.entity(); err != nil {
		return m, c, false, err
	}
	if c, err = m.change(); err != nil {
		return m, c, false, err
	}
	overwrite, err = r.flag("overwrite", false)
	return m, c, overwrite, err
}
