package clients_test

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"quirl/api/description"
	"quirl/test/quirltest"
)

// TestSwaggerUI opens the pages of the API's description in a browser.
func TestSwaggerUI(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	server := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}})
	needUI(t)
	modules := npm(t, "jsdom")
	cmd := exec.CommandContext(t.Context(), "node", "swaggerui.js")
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "SERVER="+server.URL)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("swaggerui.js: %v\n%s", err, out)
	}
}

// needUI skips when npm could not fetch Swagger UI, which under CI=true it must.
func needUI(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(quirltest.Root() + "/api/description/ui/swagger-ui-bundle.js"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("Swagger UI is not there: tools/setup fetches it")
	}
	t.Skip("Swagger UI is not there: tools/setup fetches it")
}

// TestDocuments wants the documents byte for byte, to everybody, and not twice.
func TestDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	server := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}})
	for path, want := range map[string]*description.File{"/api/v1/api-docs": description.API(), "/api-docs": description.Root()} {
		res, body := get(t, server.URL+path, "")
		if res.StatusCode != http.StatusOK || body != string(want.Content) || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("GET %s: status %d, %s of %d bytes; want 200 and the %d bytes of the document", path, res.StatusCode, res.Header.Get("Content-Type"), len(body), len(want.Content))
		}
		if res, _ := get(t, server.URL+path, res.Header.Get("Etag")); res.StatusCode != http.StatusNotModified {
			t.Errorf("GET %s with the ETag of a moment ago: status %d, want 304", path, res.StatusCode)
		}
		if res, _ := get(t, server.URL+path, `"other"`); res.StatusCode != http.StatusOK {
			t.Errorf("GET %s with another ETag: status %d, want 200", path, res.StatusCode)
		}
	}
}

// TestPageFiles fetches what the pages name.
func TestPageFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	server := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}})
	needUI(t)
	for _, base := range []string{server.URL + "/api/v1/docs/", server.URL + "/docs/"} {
		res, page := get(t, base+"index.html", "")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/html; charset=UTF-8" {
			t.Fatalf("GET %sindex.html: status %d, %s", base, res.StatusCode, res.Header.Get("Content-Type"))
		}
		names := regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(page, -1)
		if len(names) < 4 {
			t.Errorf("%sindex.html names %d files: %s", base, len(names), page)
		}
		for _, name := range names {
			res, body := get(t, base+name[1], "")
			if res.StatusCode != http.StatusOK || body == "" || res.Header.Get("Etag") == "" || res.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("GET %s%s: status %d, %d bytes, headers %v", base, name[1], res.StatusCode, len(body), res.Header)
			}
		}
	}
}

func get(t *testing.T, url, etag string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, body := quirltest.Do(t, http.DefaultClient, req)
	return res, string(body)
}
