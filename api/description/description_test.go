package description_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/go-openapi/loads"
	"github.com/go-openapi/strfmt"
	"github.com/go-openapi/validate"

	"quirl/api/description"
)

// TestDocumentsAreValid holds the documents against OpenAPI 2.
func TestDocumentsAreValid(t *testing.T) {
	for name, f := range map[string]*description.File{"api.json": description.API(), "root.json": description.Root()} {
		doc, err := loads.Analyzed(f.Content, "2.0")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := validate.Spec(doc, strfmt.Default); err != nil {
			t.Errorf("%s is no valid OpenAPI 2: %v", name, err)
		}
		if f.ContentType != "application/json" || !strings.Contains(string(f.Content), `"swagger": "2.0"`) {
			t.Errorf("%s is served as %s and begins with %.40q", name, f.ContentType, f.Content)
		}
	}
}

func TestETagsDiffer(t *testing.T) {
	if a, b := description.API().ETag, description.Root().ETag; a == b || !regexp.MustCompile(`^"[0-9a-f]{16}"$`).MatchString(a) {
		t.Errorf("the documents have the ETags %s and %s, want two quoted sums", a, b)
	}
}

func TestPage(t *testing.T) {
	for _, name := range []string{"", "README.md", "api.json", "../api.json", "page/index.html", ".lock"} {
		if _, known := description.Page(name); known {
			t.Errorf("%q is a file of the page", name)
		}
	}
	index, known := description.Page("index.html")
	if !known {
		t.Fatal("the page has no index.html")
	}
	if index == nil {
		t.Skip("built without Swagger UI: run tools/setup")
	}
	if !strings.Contains(string(index.Content), "<title>Swagger UI</title>") {
		t.Errorf("index.html has not the title that clients look for:\n%s", index.Content)
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(string(index.Content), -1) {
		f, known := description.Page(m[1])
		if !known || len(f.Content) == 0 || f.ContentType == "" {
			t.Errorf("index.html names %s, which is not there", m[1])
		}
	}
}
