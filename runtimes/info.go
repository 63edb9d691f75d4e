package runtimes

import "encoding/json"

// kindInfo is a kind in the info document of the API (GET /).
type kindInfo struct {
	Kind        string `json:"kind"`
	Image       string `json:"image"`
	Deprecated  bool   `json:"deprecated"`
	Default     bool   `json:"default"`
	Attached    bool   `json:"attached"`
	RequireMain bool   `json:"requireMain"`
}

// Info is the object "runtimes" of the info document, by family.
func (m *Manifest) Info() (json.RawMessage, error) {
	doc := make(map[string][]kindInfo, len(m.Families))
	for family, kinds := range m.Families {
		for _, r := range kinds {
			doc[family] = append(doc[family], kindInfo{
				Kind: r.Kind, Image: r.Image.String(), Deprecated: r.Deprecated,
				Default: r.Default, Attached: r.Attached != nil, RequireMain: r.RequireMain,
			})
		}
	}
	return json.Marshal(doc)
}
