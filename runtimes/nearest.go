package runtimes

import (
	"slices"
	"strconv"
	"strings"
)

// Nearest is Resolve for kinds of other versions: a kind of the same language and a
// version that is not here means the next later one that is, or else the latest. So
// actions that were written for "ruby:2.5" or "go:1.22" run on what there is. It
// returns ErrUnknownKind when the language is not known, or the version is no number.
func (m *Manifest) Nearest(kind string) (*Runtime, error) {
	r, err := m.Resolve(kind)
	if err == nil {
		return r, nil
	}
	family, text, _ := strings.Cut(kind, ":")
	wanted, ok := parseVersion(text)
	if !ok {
		return nil, err
	}
	var best *Runtime
	for i := range m.Families[family] {
		candidate := &m.Families[family][i]
		if !candidate.Deprecated && (best == nil || nearer(wanted, candidate.version(), best.version())) {
			best = candidate
		}
	}
	if best == nil {
		return nil, err
	}
	return best, nil
}

// version is that of the kind's name; of one without a number it is empty.
func (r *Runtime) version() []int {
	_, text, _ := strings.Cut(r.Kind, ":")
	version, _ := parseVersion(text)
	return version
}

// parseVersion reads numbers with dots between them.
func parseVersion(text string) ([]int, bool) {
	parts := strings.Split(text, ".")
	version := make([]int, len(parts))
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, false
		}
		version[i] = n
	}
	return version, true
}

// nearer says that a is a better choice than b for who wants a version.
func nearer(wanted, a, b []int) bool {
	aIsLater, bIsLater := slices.Compare(a, wanted) >= 0, slices.Compare(b, wanted) >= 0
	switch {
	case aIsLater != bIsLater:
		return aIsLater
	case aIsLater:
		return slices.Compare(a, b) < 0
	}
	return slices.Compare(a, b) > 0
}
