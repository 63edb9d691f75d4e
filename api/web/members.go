package web

import (
	"encoding/json"

	"quirl/whisk"
)

// members are a JSON object in the making: the last value of a key counts, in
// the place of the first.
type members struct {
	list whisk.Parameters
	at   map[string]int // once there are many: bodies may have thousands of keys
}

// fewMembers are searched one by one.
const fewMembers = 12

func (m *members) set(key string, value json.RawMessage) {
	if i, ok := m.find(key); ok {
		m.list[i].Value = value
		return
	}
	if m.at != nil {
		m.at[key] = len(m.list)
	}
	m.list = append(m.list, whisk.Parameter{Key: key, Value: value})
}

func (m *members) find(key string) (int, bool) {
	if m.at == nil && len(m.list) > fewMembers {
		m.at = make(map[string]int, 2*len(m.list))
		for i := range m.list {
			m.at[m.list[i].Key] = i
		}
	}
	if m.at != nil {
		i, ok := m.at[key]
		return i, ok
	}
	for i := range m.list {
		if m.list[i].Key == key {
			return i, true
		}
	}
	return 0, false
}

func (m *members) addPairs(pairs []pair) {
	for _, p := range pairs {
		m.set(p.key, whisk.AppendString(nil, p.value))
	}
}

// size is about what append appends.
func (m *members) size() int {
	n := 0
	for i := range m.list {
		n += len(m.list[i].Key) + len(m.list[i].Value) + 4
	}
	return n
}

// append appends the members, each with a comma in front.
func (m *members) append(b []byte) []byte {
	for i := range m.list {
		b = append(b, ',')
		b = whisk.AppendString(b, m.list[i].Key)
		b = append(b, ':')
		b = append(b, m.list[i].Value...)
	}
	return b
}
