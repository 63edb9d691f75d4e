package whisk

import (
	"encoding/json"
	"strings"
)

// MaxNameLength is the longest name of an entity, package or namespace, in characters.
const MaxNameLength = 256

// DefaultNamespace is the path segment that stands for the caller's own namespace.
const DefaultNamespace = "_"

// SystemNamespace owns what the platform itself offers to everybody.
const SystemNamespace = "whisk.system"

// ValidName says whether s may name an entity, a package or a namespace: 1 to
// 256 characters, the first a letter, digit or '_', inside also space and
// '@', '.', '&', '-', the last not a space (OpenWhisk's EntityName grammar).
func ValidName(s string) bool {
	if s == "" || len(s) > MaxNameLength || !isWord(s[0]) || s[len(s)-1] == ' ' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isWord(s[i]) && !strings.ContainsRune(" @.&-", rune(s[i])) {
			return false
		}
	}
	return true
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// A Path is a namespace, or a namespace and a package: "ns" or "ns/pkg".
type Path string

// Root is the path's namespace.
func (p Path) Root() string {
	root, _, _ := strings.Cut(string(p), "/")
	return root
}

// Package is the path's package, empty for the default package.
func (p Path) Package() string {
	_, pkg, _ := strings.Cut(string(p), "/")
	return pkg
}

// Join appends a segment.
func (p Path) Join(segment string) Path {
	if segment == "" {
		return p
	}
	return p + "/" + Path(segment)
}

// A FullName names one entity of the platform: "/ns/[pkg/]name".
type FullName struct {
	Path Path
	Name string
}

// ID is the key under which the entity is stored: "ns/[pkg/]name".
func (n FullName) ID() string { return string(n.Path) + "/" + n.Name }

// String is the name with its leading slash.
func (n FullName) String() string { return "/" + n.ID() }

// MarshalJSON writes the name with its leading slash.
func (n FullName) MarshalJSON() ([]byte, error) { return Marshal(n.String()), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (n *FullName) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	full, err := ParseFullName(s)
	*n = full
	return err
}

// Resolve replaces the default namespace "_" by namespace.
func (n FullName) Resolve(namespace string) FullName {
	if n.Path.Root() == DefaultNamespace {
		n.Path = Path(namespace).Join(n.Path.Package())
	}
	return n
}

// ParseFullName reads a reference that names at least namespace and entity:
// "/ns/name", "ns/name", "/ns/pkg/name". Empty segments are dropped. Of more
// than three segments the first is the namespace and the last the name, as
// OpenWhisk reads them. The error is a malformed-content Error.
func ParseFullName(s string) (FullName, error) {
	segments := splitPath(s)
	if len(segments) == 0 {
		return FullName{}, Malformed("requirement failed: path undefined")
	}
	for _, seg := range segments {
		if !ValidName(seg) {
			return FullName{}, Malformed("requirement failed: path contains invalid parts Seq(%s)", strings.Join(segments, ", "))
		}
	}
	switch len(segments) {
	case 1:
		return FullName{}, Malformed("requirement failed: The fully qualified name of the entity must contain at least the namespace and the name of the entity.")
	case 3:
		return FullName{Path: Path(segments[0] + "/" + segments[1]), Name: segments[2]}, nil
	default:
		return FullName{Path: Path(segments[0]), Name: segments[len(segments)-1]}, nil
	}
}

// ParseReference reads a reference made while a composition runs: "a" and "p/a"
// are in namespace, "/ns/a", "/ns/p/a" and "ns/p/a" say where they are; "_" as
// namespace is the given one. Anything else is false.
func ParseReference(s, namespace string) (FullName, bool) {
	segments := splitPath(s)
	for _, seg := range segments {
		if !ValidName(seg) {
			return FullName{}, false
		}
	}
	if len(segments) < 3 && !strings.HasPrefix(s, "/") {
		segments = append([]string{namespace}, segments...)
	}
	switch len(segments) {
	case 2:
		return FullName{Path(segments[0]), segments[1]}.Resolve(namespace), true
	case 3:
		return FullName{Path(segments[0] + "/" + segments[1]), segments[2]}.Resolve(namespace), true
	}
	return FullName{}, false
}

func splitPath(s string) []string {
	var segments []string
	for seg := range strings.SplitSeq(s, "/") {
		if seg = strings.TrimSpace(seg); seg != "" {
			segments = append(segments, seg)
		}
	}
	return segments
}
