package whisk

import (
	"encoding/json"
	"strconv"
	"strings"
)

// A Version is an entity's version, "major.minor.patch", never 0.0.0.
type Version struct {
	Major, Minor, Patch int
}

// FirstVersion is the version of a new entity.
func FirstVersion() Version { return Version{Patch: 1} }

// Next is the version after an update that does not name one.
func (v Version) Next() Version { return Version{v.Major, v.Minor, v.Patch + 1} }

func (v Version) String() string {
	return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) + "." + strconv.Itoa(v.Patch)
}

// ParseVersion is as lenient as OpenWhisk: missing parts are 0, parts beyond the
// third are ignored.
func ParseVersion(s string) (Version, error) {
	var parts [3]int
	for i, part := range strings.Split(s, ".") {
		if i == len(parts) {
			break
		}
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || part[0] == '+' {
			return Version{}, Malformed("semantic version malformed")
		}
		parts[i] = n
	}
	if parts == [3]int{} {
		return Version{}, Malformed("semantic version malformed")
	}
	return Version{parts[0], parts[1], parts[2]}, nil
}

// MarshalJSON writes the version as text.
func (v Version) MarshalJSON() ([]byte, error) { return []byte(`"` + v.String() + `"`), nil }

// UnmarshalJSON reads a version from text.
func (v *Version) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return Malformed("semantic version malformed")
	}
	parsed, err := ParseVersion(s)
	*v = parsed
	return err
}
