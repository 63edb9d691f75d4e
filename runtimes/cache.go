package runtimes

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
)

// A versionCache remembers what programs said of their version, as long as their
// files do not change. It only saves time: what cannot be read or written is
// asked again.
type versionCache map[string]knownVersion

type knownVersion struct {
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds since 1970
	Text     string `json:"text"`
}

func readCache(file string) versionCache {
	known := versionCache{}
	if file == "" {
		return known
	}
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &known) != nil || known == nil {
		return versionCache{}
	}
	maps.DeleteFunc(known, func(_ string, v knownVersion) bool { return v.Text == "" })
	return known
}

// write replaces the file as a whole, so that no reader sees a part of it.
func (c versionCache) write(file string) {
	if file == "" {
		return
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return
	}
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file))
	if err != nil {
		return
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.Write(data)
	if closed := temp.Close(); err == nil && closed == nil {
		_ = os.Rename(temp.Name(), file)
	}
}

func (c versionCache) get(q probe) (string, bool) {
	v, ok := c[q.key()]
	if !ok {
		return "", false
	}
	info, err := os.Stat(q.path)
	if err != nil || info.Size() != v.Size || info.ModTime().UnixNano() != v.Modified {
		return "", false
	}
	return v.Text, true
}

func (c versionCache) put(q probe, text string) {
	if info, err := os.Stat(q.path); err == nil {
		c[q.key()] = knownVersion{Size: info.Size(), Modified: info.ModTime().UnixNano(), Text: text}
	}
}

func (q probe) key() string { return q.path + " " + q.args }
