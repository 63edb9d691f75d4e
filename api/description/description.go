// Package description is what the REST API says about itself: two OpenAPI 2
// documents, and a page that shows them in a browser.
//
// api.json describes the versioned API, root.json what is outside of it. The
// page is ours, the code behind it Swagger UI's, which tools/setup fetches into
// the folder ui; a program built without it has the documents all the same.
package description

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
)

//go:embed api.json root.json page ui
var files embed.FS

// A File is something to serve as it is.
type File struct {
	ContentType string
	ETag        string // quoted, changes with the content
	Content     []byte
}

// API is the document of the versioned REST API, a JSON text.
func API() *File { return apiDocument }

// Root is the document of what is outside of the versioned API, a JSON text.
func Root() *File { return rootDocument }

// Page returns a file of the page by its name, e.g. index.html. Known says that
// the page has such a file. Without Swagger UI there is no page: then all of its
// files are known, and f is nil.
func Page(name string) (f *File, known bool) {
	part, known := parts[name]
	if !known || page == nil {
		return nil, known
	}
	return page[part], true
}

// parts are the files of the page by name.
var parts = func() map[string]string {
	byName := make(map[string]string)
	for _, part := range []string{
		"page/index.html", "page/page.css", "page/page.js",
		"ui/swagger-ui.css", "ui/swagger-ui-bundle.js", "ui/favicon-32x32.png", "ui/LICENSE", "ui/NOTICE",
	} {
		byName[path.Base(part)] = part
	}
	return byName
}()

var (
	apiDocument, rootDocument = mustRead("api.json"), mustRead("root.json")

	page = readPage()
)

// readPage returns the files of the page, nil when one of them is not there.
func readPage() map[string]*File {
	page := make(map[string]*File)
	for _, part := range parts {
		f, err := read(part)
		if err != nil {
			return nil
		}
		page[part] = f
	}
	return page
}

var contentTypes = map[string]string{
	".json": "application/json",
	".html": "text/html; charset=UTF-8",
	".css":  "text/css; charset=UTF-8",
	".js":   "text/javascript; charset=UTF-8",
	".png":  "image/png",
	"":      "text/plain; charset=UTF-8",
}

func read(name string) (*File, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	return &File{contentTypes[path.Ext(name)], `"` + hex.EncodeToString(sum[:8]) + `"`, content}, nil
}

func mustRead(name string) *File {
	f, err := read(name)
	if err != nil {
		panic(err) // the file is part of this program
	}
	return f
}
