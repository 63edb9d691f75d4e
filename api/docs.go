package api

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"quirl/api/description"
	"quirl/whisk"
)

// serveDocs answers requests for the API's description, which need no
// credentials, and says whether this was one. Both the versioned API and the
// root have /api-docs, a document, and /docs, the page that shows it.
func (a *API) serveDocs(r *request, path string) bool {
	base := "/api/v1"
	under, inAPI := strings.CutPrefix(path, base)
	if !inAPI {
		base = ""
	}
	file, inPage := strings.CutPrefix(under, "/docs/")
	switch {
	case under == "/docs":
		redirect(r, "docs/index.html?url="+base+"/api-docs", inAPI)
	case r.Method != http.MethodGet:
		return false
	case under == "/api-docs" && inAPI:
		serveFile(r, description.API(), true)
	case under == "/api-docs":
		serveFile(r, description.Root(), false)
	case inPage:
		return servePage(r, file, inAPI)
	default:
		return false
	}
	return true
}

func servePage(r *request, name string, inAPI bool) bool {
	file, known := description.Page(name)
	switch {
	case !known:
		return false
	case file == nil:
		res := failed(whisk.Errorf(whisk.NotFound, "This program was built without Swagger UI. Run tools/setup where npm can fetch it, and build again; the document is at /api/v1/api-docs."))
		res.routing = !inAPI
		r.reply(res)
	default:
		serveFile(r, file, inAPI)
	}
	return true
}

// serveFile sends a file, or that the client has it already.
func serveFile(r *request, f *description.File, inAPI bool) {
	h := r.docsHeaders(inAPI)
	h.Set("Content-Type", f.ContentType)
	h.Set("Etag", f.ETag)
	h.Set("Cache-Control", "no-cache") // ask each time: the next version has the same names
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(r.w, r.Request, "", time.Time{}, bytes.NewReader(f.Content))
}

func redirect(r *request, to string, inAPI bool) {
	h := r.docsHeaders(inAPI)
	h.Set("Content-Type", "text/html; charset=UTF-8")
	h.Set("Location", to)
	r.w.WriteHeader(http.StatusPermanentRedirect)
	if r.Method != http.MethodHead {
		// The client's loss when it is gone.
		r.w.Write([]byte(`The request, and all future requests should be repeated using <a href="` + to + `">this URI</a>.`))
	}
}

// docsHeaders sets what every answer has; cors adds what lets pages of other sites in.
func (r *request) docsHeaders(cors bool) http.Header {
	h := r.w.Header()
	h["X-Request-Id"] = []string{r.tid}
	if cors {
		for _, c := range corsHeaders {
			h[c[0]] = []string{c[1]}
		}
	}
	return h
}
