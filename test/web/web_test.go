// Package web_test calls web actions across owners on the real program: what the
// owner of a namespace may serve, and whose the records are.
package web_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"quirl/test/quirltest"
	"quirl/whisk"
)

const echo = `"exec":{"kind":"nodejs:default","code":"function main(a) { return a }"}`

// A site is a server with two owners: guest and ann.
type site struct {
	*quirltest.Server
	keys map[string]string
}

func open(t *testing.T) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the real program")
	}
	key := whisk.NewKey()
	ann := whisk.Subject{Name: "ann", Namespaces: []whisk.SubjectNamespace{{Name: "ann", Key: key}}}
	s := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}, Subjects: []whisk.Subject{ann}})
	return &site{s, map[string]string{"guest": quirltest.GuestKey, "ann": key.String()}}
}

// send sends a request as user, or as nobody, and returns the answer; the status must be as wanted.
func (s *site) send(t *testing.T, user, method, path, body string, want int) (http.Header, map[string]any) {
	t.Helper()
	res, text := quirltest.Do(t, http.DefaultClient, quirltest.Request(t, method, s.URL+"/api/v1/"+path, s.keys[user], body))
	if res.StatusCode != want {
		t.Errorf("%s %s as %q: got %d, want %d\n%s", method, path, user, res.StatusCode, want, text)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Errorf("%s %s as %q: %v\n%s", method, path, user, err, text)
	}
	return res.Header, object
}

func TestForeignPackage(t *testing.T) {
	s := open(t)
	s.send(t, "ann", "PUT", "namespaces/_/packages/shared", `{"publish":true,"parameters":[{"key":"pkg","value":"ann's"},{"key":"a","value":"provider"}]}`, 200)
	s.send(t, "ann", "PUT", "namespaces/_/actions/shared/echo", `{`+echo+`,"annotations":[{"key":"web-export","value":true},{"key":"final","value":true}]}`, 200)
	s.send(t, "ann", "PUT", "namespaces/_/actions/shared/private", `{`+echo+`}`, 200)
	s.send(t, "guest", "PUT", "namespaces/_/packages/bound", `{"binding":{"namespace":"ann","name":"shared"},"annotations":[{"key":"web-export","value":true}],"parameters":[{"key":"a","value":"binding"}]}`, 200)

	header, got := s.send(t, "ann", "GET", "web/guest/bound/echo.json?q=1", "", 200)
	for key, want := range map[string]string{"pkg": "ann's", "a": "binding", "q": "1", "__ow_user": "ann"} {
		if got[key] != want {
			t.Errorf("through the binding: %s is %v, want %s", key, got[key], want)
		}
	}
	// The owner of the path's namespace has the record, though ann called and the code is ann's.
	id := header.Get("X-Openwhisk-Activation-Id")
	_, record := s.send(t, "guest", "GET", "namespaces/_/activations/"+id, "", 200)
	if record["namespace"] != "guest" || record["subject"] != "guest" {
		t.Errorf("record of namespace %v and subject %v, want guest", record["namespace"], record["subject"])
	}
	s.send(t, "ann", "GET", "namespaces/_/activations/"+id, "", 404)

	s.send(t, "", "GET", "web/guest/bound/echo.json?a=1", "", 400) // final, bound by the binding
	s.send(t, "", "GET", "web/guest/bound/echo.json?pkg=1", "", 400)
	s.send(t, "", "GET", "web/guest/bound/private.json", "", 404)
	s.send(t, "", "GET", "web/guest/bound/nothere.json", "", 404)

	s.send(t, "ann", "PUT", "namespaces/_/packages/shared?overwrite=true", `{"publish":false}`, 200)
	_, got = s.send(t, "", "GET", "web/guest/bound/echo.json", "", 403)
	if want := "The supplied authentication is not authorized to access 'guest/bound'."; got["error"] != want {
		t.Errorf("a package that is not published any more: got %v, want %s", got["error"], want)
	}
	s.send(t, "", "GET", "web/ann/shared/echo.json", "", 200) // its owner's own
}
