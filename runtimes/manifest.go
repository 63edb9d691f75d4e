// Package runtimes knows the languages: which kinds there are, which image or
// which program of this machine runs each of them, and the server half of the
// /init and /run protocol for those that run without an image.
//
// It promises that a kind is data: manifest.json, in OpenWhisk's format with one
// more object per kind (see Local), says everything about it; no code here or
// elsewhere asks for a kind by name. Load reads OpenWhisk's own manifests
// unchanged.
//
// Read manifest.go for what a kind is, detect.go for what can run here, and
// spec.go for how it is started. The runtimes themselves are in a folder per language,
// and package loop is the server of those that have none; package proxytest checks
// them all.
package runtimes

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrUnknownKind says that a manifest has no such kind.
var ErrUnknownKind = errors.New("unknown runtime kind")

// defaultVersion is the version that stands for a family's default kind.
const defaultVersion = "default"

// A Manifest is the set of kinds. It is not changed after Load.
type Manifest struct {
	// Families holds each family's kinds in the order of the document.
	Families map[string][]Runtime
	// Blackboxes are user images that are never pulled and whose logs have sentinels.
	Blackboxes []Image
	// Natives are those of them that can also run without an image: they hold nothing
	// but a server that runs the action's own program. Their Kind is the reference.
	Natives []Runtime

	kinds map[string]*Runtime
}

// A Runtime is one kind.
type Runtime struct {
	// Kind is the name that actions use, e.g. "nodejs:20".
	Kind string
	// Family is the kind's group in the manifest; each has one default.
	Family string
	// Default says that "<family>:default" means this kind.
	Default bool
	// Deprecated kinds still run; new actions cannot have them.
	Deprecated bool
	// RequireMain says that an action must name its entry point.
	RequireMain bool
	// SentinelledLogs says that the runtime ends each activation's output with
	// a sentinel on both streams. It is true unless the manifest says otherwise.
	SentinelledLogs bool
	// Image is where the kind comes from where images are used.
	Image Image
	// Attached tells how code is stored: nil means inside the action's record.
	Attached *Attachment
	// StemCells are the containers to keep ready.
	StemCells []StemCell
	// Local tells how the kind runs without an image; nil when it cannot.
	Local *Local
}

// An Attachment names the form in which code is stored beside an action.
type Attachment struct {
	Name string `json:"attachmentName"`
	Type string `json:"attachmentType"`
}

// A StemCell says how many containers of one size wait for their first action.
type StemCell struct {
	InitialCount int
	Memory       int64 // bytes
	Reactive     *Reactive
}

// Reactive bounds the adaptation of a StemCell's count to demand.
type Reactive struct {
	MinCount, MaxCount   int
	TTL                  time.Duration // unused containers live that long
	Threshold, Increment int
}

// Load reads a manifest. It refuses one that breaks OpenWhisk's rules: a family
// has exactly one default or a single kind; counts of stem cells are positive
// and within each other's bounds. Members it does not know are ignored.
func Load(data []byte) (*Manifest, error) {
	var doc struct {
		Runtimes   map[string][]runtimeDoc `json:"runtimes"`
		Blackboxes []blackboxDoc           `json:"blackboxes"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read runtime manifest: %w", err)
	}
	m := &Manifest{Families: map[string][]Runtime{}}
	if err := m.loadBlackboxes(doc.Blackboxes); err != nil {
		return nil, fmt.Errorf("runtime manifest: %w", err)
	}
	for _, family := range slices.Sorted(maps.Keys(doc.Runtimes)) {
		kinds, err := loadFamily(family, doc.Runtimes[family])
		if err != nil {
			return nil, fmt.Errorf("runtime manifest: %w", err)
		}
		m.Families[family] = kinds
	}
	if err := m.index(); err != nil {
		return nil, fmt.Errorf("runtime manifest: %w", err)
	}
	return m, nil
}

// A blackboxDoc is a blackbox image as the document has it.
type blackboxDoc struct {
	Image
	Quirl *Local `json:"quirl"`
}

func (m *Manifest) loadBlackboxes(docs []blackboxDoc) error {
	for _, d := range docs {
		m.Blackboxes = append(m.Blackboxes, d.Image)
		if d.Quirl == nil {
			continue
		}
		if err := d.Quirl.check(); err != nil {
			return fmt.Errorf("blackbox %s: %w", d.Image, err)
		}
		m.Natives = append(m.Natives, Runtime{Kind: d.Image.String(), Image: d.Image, Local: d.Quirl, SentinelledLogs: true})
	}
	return nil
}

func loadFamily(family string, docs []runtimeDoc) ([]Runtime, error) {
	kinds := make([]Runtime, 0, len(docs))
	defaults := 0
	for _, d := range docs {
		r, err := d.runtime(family)
		if err != nil {
			return nil, fmt.Errorf("kind %q: %w", d.Kind, err)
		}
		if r.Default {
			defaults++
		}
		kinds = append(kinds, r)
	}
	switch {
	case len(kinds) == 1:
		kinds[0].Default = true
	case defaults != 1 && len(kinds) > 0:
		return nil, fmt.Errorf("family %q has %d default kinds, not one", family, defaults)
	}
	return kinds, nil
}

func (m *Manifest) index() error {
	m.kinds = map[string]*Runtime{}
	for _, runtimes := range m.Families {
		for i := range runtimes {
			r := &runtimes[i]
			if m.kinds[r.Kind] != nil {
				return fmt.Errorf("kind %q is there twice", r.Kind)
			}
			m.kinds[r.Kind] = r
		}
	}
	return nil
}

// Resolve finds a kind by its name; "<family>:default" is the family's default.
// It returns ErrUnknownKind when there is none.
func (m *Manifest) Resolve(kind string) (*Runtime, error) {
	if r := m.kinds[kind]; r != nil {
		return r, nil
	}
	family, version, _ := strings.Cut(kind, ":")
	if version == defaultVersion {
		for i, r := range m.Families[family] {
			if r.Default {
				return &m.Families[family][i], nil
			}
		}
	}
	return nil, fmt.Errorf("%w %q", ErrUnknownKind, kind)
}

// Kinds lists the names of all kinds, sorted.
func (m *Manifest) Kinds() []string { return slices.Sorted(maps.Keys(m.kinds)) }

// IsBlackbox says whether image is one of the manifest's blackboxes.
func (m *Manifest) IsBlackbox(image Image) bool {
	return slices.ContainsFunc(m.Blackboxes, image.Matches)
}

// runtimeDoc is a Runtime as the document has it.
type runtimeDoc struct {
	Kind            string        `json:"kind"`
	Default         *bool         `json:"default"`
	Deprecated      *bool         `json:"deprecated"`
	RequireMain     *bool         `json:"requireMain"`
	SentinelledLogs *bool         `json:"sentinelledLogs"`
	Image           *Image        `json:"image"`
	Attached        *Attachment   `json:"attached"`
	StemCells       []stemCellDoc `json:"stemCells"`
	Quirl           *Local        `json:"quirl"`
}

func (d runtimeDoc) runtime(family string) (Runtime, error) {
	if d.Kind == "" {
		return Runtime{}, errors.New("has no name")
	}
	if d.Image == nil {
		return Runtime{}, errors.New("has no image")
	}
	if err := d.Image.check(); err != nil {
		return Runtime{}, fmt.Errorf("%w %q", err, d.Image)
	}
	r := Runtime{
		Kind:            d.Kind,
		Family:          family,
		Default:         isSet(d.Default),
		Deprecated:      isSet(d.Deprecated),
		RequireMain:     isSet(d.RequireMain),
		SentinelledLogs: d.SentinelledLogs == nil || *d.SentinelledLogs,
		Image:           *d.Image,
		Attached:        d.Attached,
		Local:           d.Quirl,
	}
	for _, s := range d.StemCells {
		cell, err := s.stemCell()
		if err != nil {
			return Runtime{}, fmt.Errorf("stem cell: %w", err)
		}
		r.StemCells = append(r.StemCells, cell)
	}
	if r.Local != nil {
		if err := r.Local.check(); err != nil {
			return Runtime{}, err
		}
	}
	return r, nil
}

func isSet(b *bool) bool { return b != nil && *b }

type stemCellDoc struct {
	InitialCount *int         `json:"initialCount"`
	Count        *int         `json:"count"` // the older name
	Memory       string       `json:"memory"`
	Reactive     *reactiveDoc `json:"reactive"`
}

func (d stemCellDoc) stemCell() (StemCell, error) {
	count := d.InitialCount
	if count == nil {
		count = d.Count
	}
	if count == nil || *count <= 0 {
		return StemCell{}, errors.New("initialCount must be positive")
	}
	memory, err := parseSize(d.Memory)
	if err != nil {
		return StemCell{}, err
	}
	cell := StemCell{InitialCount: *count, Memory: memory}
	if d.Reactive != nil {
		cell.Reactive, err = d.Reactive.reactive()
	}
	return cell, err
}

type reactiveDoc struct {
	MinCount  int    `json:"minCount"`
	MaxCount  int    `json:"maxCount"`
	TTL       string `json:"ttl"`
	Threshold int    `json:"threshold"`
	Increment int    `json:"increment"`
}

func (d reactiveDoc) reactive() (*Reactive, error) {
	ttl, err := parseDuration(d.TTL)
	switch {
	case err != nil:
		return nil, err
	case d.MaxCount <= 0:
		return nil, errors.New("maxCount must be positive")
	case d.MinCount < 0 || d.MinCount > d.MaxCount:
		return nil, errors.New("minCount must be between 0 and maxCount")
	case d.Threshold <= 0:
		return nil, errors.New("threshold must be positive")
	case d.Increment <= 0 || d.Increment > d.MaxCount:
		return nil, errors.New("increment must be between 1 and maxCount")
	}
	return &Reactive{d.MinCount, d.MaxCount, ttl, d.Threshold, d.Increment}, nil
}

var sizePattern = regexp.MustCompile(`(?i)^\s*(\d{1,9})\s*(B|K|KB|M|MB|G|GB)\s*$`)

// parseSize reads a size as OpenWhisk writes it ("256 MB", "1g") into bytes.
func parseSize(text string) (int64, error) {
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("memory %q is not a size such as 256 MB", text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("memory %q must be positive", text)
	}
	shift := map[byte]int{'b': 0, 'k': 10, 'm': 20, 'g': 30}[strings.ToLower(m[2])[0]]
	return n << shift, nil
}

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "milli": time.Millisecond, "millisecond": time.Millisecond,
	"s": time.Second, "second": time.Second,
	"m": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
}

// parseDuration reads a duration as OpenWhisk writes it ("2 minutes", "90s").
func parseDuration(text string) (time.Duration, error) {
	digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if digits <= 0 {
		return 0, fmt.Errorf("ttl %q is not a duration such as 2 minutes", text)
	}
	n, err := strconv.Atoi(text[:digits])
	name := strings.TrimSpace(text[digits:])
	unit, ok := durationUnits[name]
	if !ok {
		unit, ok = durationUnits[strings.TrimSuffix(name, "s")]
	}
	if err != nil || !ok {
		return 0, fmt.Errorf("ttl %q is not a duration such as 2 minutes", text)
	}
	return time.Duration(n) * unit, nil
}
