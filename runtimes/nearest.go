package runtimes

import (
	"slices"
	"strconv"
	"strings"
)

// Nearest is Resolve for kinds of other versions: a kind of the same language and a
// version that is not here means the one that stands for it ("go:1" for "go:1.22"), or
// else the next later one. So actions that were written for "ruby:2.5" run on what there
// is; what needs a later version than there is does not. It returns ErrUnknownKind when
// there is none, the language is not known, or the version is no number.
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
		version := candidate.version()
		switch {
		case candidate.Deprecated || version == nil:
			continue
		case len(version) < len(wanted) && slices.Equal(version, wanted[:len(version)]):
			return candidate, nil
		case slices.Compare(version, wanted) > 0 && (best == nil || slices.Compare(version, best.version()) < 0):
			best = candidate
		}
	}
	if best == nil {
		return nil, err
	}
	return best, nil
}

// version is that of the kind's name; of one without a number it is nil.
func (r *Runtime) version() []int {
	_, text, _ := strings.Cut(r.Kind, ":")
	version, ok := parseVersion(text)
	if !ok {
		return nil
	}
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
