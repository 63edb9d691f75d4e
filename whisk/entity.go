package whisk

import "time"

// A Collection is one of the kinds of entities of a namespace, named as in paths of the REST API.
type Collection string

// The collections of entities that share one key space per namespace.
const (
	Actions  Collection = "actions"
	Packages Collection = "packages"
	Triggers Collection = "triggers"
	Rules    Collection = "rules"
)

// An Entity is an Action, a Package, a Trigger or a Rule. Entities that came
// from a store are shared and never changed: copy before you change.
type Entity interface {
	// FullName is the entity's name; its ID is unique across collections.
	FullName() FullName
	// Collection is the entity's kind.
	Collection() Collection
	// Common is what all entities have.
	Common() *Meta
}

// Meta is what all entities have in common.
type Meta struct {
	Namespace   Path
	Name        string
	Version     Version
	Publish     bool
	Annotations Parameters
	Updated     int64 // epoch milliseconds

	// Revision is the store's: it changes with every write and is empty before the first.
	Revision string
}

// FullName is the entity's name.
func (m *Meta) FullName() FullName { return FullName{m.Namespace, m.Name} }

// Common returns m.
func (m *Meta) Common() *Meta { return m }

// Touch sets the time of the last change.
func (m *Meta) Touch(now time.Time) { m.Updated = now.UnixMilli() }

// An Action is code with its parameters and limits.
type Action struct {
	Meta
	Exec       Exec
	Parameters Parameters
	Limits     ActionLimits
}

// Collection is Actions.
func (*Action) Collection() Collection { return Actions }

// A Package groups actions and their parameters; with a Binding it is another
// package under a new name.
type Package struct {
	Meta
	Parameters Parameters
	// Binding is the package that this one stands for, nil for a plain package.
	Binding *Binding
}

// A Binding names the package that a bound package refers to.
type Binding struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// FullName is the name of the package referred to.
func (b *Binding) FullName() FullName { return FullName{Path(b.Namespace), b.Name} }

// Collection is Packages.
func (*Package) Collection() Collection { return Packages }

// A Trigger is a named channel of events.
type Trigger struct {
	Meta
	Parameters Parameters
	// Rules are the rules attached to the trigger; nil when there never was one.
	Rules RuleLinks
}

// Collection is Triggers.
func (*Trigger) Collection() Collection { return Triggers }

// A Rule connects a trigger with an action. Whether it is active stands in the trigger.
type Rule struct {
	Meta
	Trigger, Action FullName
}

// Collection is Rules.
func (*Rule) Collection() Collection { return Rules }
