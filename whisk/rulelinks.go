package whisk

import "encoding/json"

// A RuleLink is what a trigger knows of one of its rules: the trigger holds the
// truth about whether a rule is active.
type RuleLink struct {
	Rule   string // the rule's ID, "ns/rule"
	Action FullName
	Active bool
}

// RuleLinks are the rules attached to a trigger, in the order of attachment,
// which is the order in which they fire. Nil means that there never was one,
// which OpenWhisk's clients can tell from an empty set.
type RuleLinks []RuleLink

// Find returns the link of a rule, nil when it is not attached.
func (ls RuleLinks) Find(rule string) *RuleLink {
	for i := range ls {
		if ls[i].Rule == rule {
			return &ls[i]
		}
	}
	return nil
}

// With returns the links with l added, or in place of that rule's. ls itself stays as it is.
func (ls RuleLinks) With(l RuleLink) RuleLinks {
	out := append(make(RuleLinks, 0, len(ls)+1), ls...)
	if old := out.Find(l.Rule); old != nil {
		*old = l
		return out
	}
	return append(out, l)
}

// Without returns the links without that rule's, never nil. ls itself stays as it is.
func (ls RuleLinks) Without(rule string) RuleLinks {
	out := make(RuleLinks, 0, len(ls))
	for _, l := range ls {
		if l.Rule != rule {
			out = append(out, l)
		}
	}
	return out
}

// PathName is a full name in the form of an object, as rules and triggers show names.
type PathName struct {
	Path Path   `json:"path"`
	Name string `json:"name"`
}

type linkDocument struct {
	Action PathName `json:"action"`
	Status string   `json:"status"`
}

// RuleStatus is the text for a rule's state: "active" or "inactive".
func RuleStatus(active bool) string {
	if active {
		return "active"
	}
	return "inactive"
}

// MarshalJSON writes OpenWhisk's form, an object by the rules' IDs, in order.
func (ls RuleLinks) MarshalJSON() ([]byte, error) {
	members := make(Parameters, len(ls))
	for i, l := range ls {
		members[i] = Parameter{Key: l.Rule, Value: Marshal(linkDocument{PathName(l.Action), RuleStatus(l.Active)})}
	}
	return members.Object(), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, keeping the order.
func (ls *RuleLinks) UnmarshalJSON(b []byte) error {
	members, err := Members(b)
	if err != nil {
		return err
	}
	out := make(RuleLinks, len(members))
	for i, m := range members {
		var d linkDocument
		if err := json.Unmarshal(m.Value, &d); err != nil {
			return err
		}
		out[i] = RuleLink{m.Key, FullName(d.Action), d.Status == RuleStatus(true)}
	}
	*ls = out
	return nil
}
