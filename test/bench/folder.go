package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// folderFiles and fileBytes are about a project with its dependencies.
	folderFiles = 2000
	fileBytes   = 1500
)

// folder measures first calls of actions whose code is an archive of many files,
// beside those of the same function as text, each with a stem cell ready. The very
// first call has the archive unpacked; it is a row of its own.
func folder(ctx context.Context, o options) ([]row, error) {
	s, err := start(ctx, "--memory=65536")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	code, err := largeArchive()
	if err != nil {
		return nil, err
	}
	call := func(name, code string) (time.Duration, error) {
		if err := s.createKind(name, "nodejs:default", code); err != nil {
			return 0, err
		}
		s.settle()
		return s.invoke(name)
	}
	unpacking, err := call("unpacking", code)
	if err != nil {
		return nil, err
	}
	var archives, texts []time.Duration
	for i := range o.starts {
		archive, err := call(fmt.Sprintf("archive%d", i), code)
		if err != nil {
			return nil, err
		}
		text, err := call(fmt.Sprintf("text%d", i), noop)
		if err != nil {
			return nil, err
		}
		archives, texts = append(archives, archive), append(texts, text)
	}
	what := fmt.Sprintf("an archive of %d files, %d KB", folderFiles, len(code)*3/4/1024)
	return []row{
		{what: "first call of " + what + ", unpacked before, beside plain text", stats: archives, floor: texts},
		{what: "first call of " + what + ", which is unpacked for it", stat: unpacking},
	}, nil
}

// largeArchive is a zip in base64 with a function and much else.
func largeArchive() (string, error) {
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range folderFiles + 1 {
		name, content := "index.js", []byte("exports.main = () => ({});")
		if i > 0 {
			name, content = fmt.Sprintf("node_modules/package%d/file%d.js", i/20, i), make([]byte, fileBytes)
			for j := range content {
				content[j] = byte(' ' + random.IntN(64))
			}
		}
		f, err := w.Create(name)
		if err != nil {
			return "", err
		}
		if _, err := f.Write(content); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
