package whisk

// A StoreLevel says which records are kept, by how their activations ended
// (OpenWhisk's words). The zero level keeps all.
type StoreLevel string

// The levels.
const (
	StoreAlways                       StoreLevel = "STORE_ALWAYS"
	StoreFailures                     StoreLevel = "STORE_FAILURES"
	StoreFailuresNotApplicationErrors StoreLevel = "STORE_FAILURES_NOT_APPLICATION_ERRORS"
)

// ParseStoreLevel reads a level.
func ParseStoreLevel(text string) (StoreLevel, error) {
	switch l := StoreLevel(text); l {
	case StoreAlways, StoreFailures, StoreFailuresNotApplicationErrors:
		return l, nil
	}
	return "", Errorf(BadRequest, "%q is none of %s, %s, %s", text, StoreAlways, StoreFailures, StoreFailuresNotApplicationErrors)
}

func (l StoreLevel) keeps(s Status) bool {
	switch l {
	case StoreFailures:
		return s != Success
	case StoreFailuresNotApplicationErrors:
		return s == DeveloperError || s == InternalError
	}
	return true
}

// StoreLevels are the levels of blocking and of other activations; components of
// sequences and compositions are blocking ones.
type StoreLevels struct{ Blocking, NonBlocking StoreLevel }

// Keeps says whether the record of an activation is kept. A namespace that wants
// none has none; otherwise a request with extra logging has all.
func (l StoreLevels) Keeps(id *Identity, blocking, extraLogging bool, s Status) bool {
	switch {
	case !id.StoresActivations():
		return false
	case extraLogging:
		return true
	case blocking:
		return l.Blocking.keeps(s)
	}
	return l.NonBlocking.keeps(s)
}
