package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const apiSwagger = `{"swagger":"2.0","info":{"title":"Club","version":"1.0.0"},"basePath":"/club","paths":{
	"/{isbn}":{"get":{"operationId":"g","x-openwhisk":{"namespace":"guest","package":"default","action":"read"},"responses":{"200":{"description":"x"}}}},
	"/books":{"post":{"x-openwhisk":{"namespace":"guest","package":"shop","action":"add"}},"get":{},"parameters":[]}}}`

// management answers as the route management actions of OpenWhisk do (its
// documentation of the API gateway), and keeps what it was asked.
type management struct {
	status int
	answer string
	asked  *http.Request
	body   string
}

func (m *management) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/namespaces/") {
		switch {
		case strings.HasSuffix(r.URL.Path, "/plain"):
			io.WriteString(w, `{"namespace":"guest","name":"plain","annotations":[]}`)
		case strings.HasSuffix(r.URL.Path, "/missing"):
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"error":"The requested resource does not exist.","code":"t"}`)
		default:
			io.WriteString(w, `{"namespace":"guest","name":"web","annotations":[{"key":"web-export","value":true},{"key":"require-whisk-auth","value":"s"}]}`)
		}
		return
	}
	text, _ := io.ReadAll(r.Body)
	m.asked, m.body = r, string(text)
	w.WriteHeader(m.status)
	io.WriteString(w, m.answer)
}

func TestAPI(t *testing.T) {
	entry := `{"apis":[{"id":"Not Used","key":"Not Used","value":{"namespace":"Not Used","gwApiActivated":true,"gwApiUrl":"http://gw/api/g/club","apidoc":` + apiSwagger + `}}]}`
	made := `{"gwApiUrl":"http://gw/api/g/club","apidoc":` + apiSwagger + `}`
	const file = "ok: created API /club/books GET\nhttp://gw/api/g/club/books\nok: created API /club/books POST for action /guest/shop/add\nhttp://gw/api/g/club/books\n" +
		"ok: created API /club/{isbn} GET for action /guest/read\nhttp://gw/api/g/club/{isbn}\n"
	dir := t.TempDir()
	for name, content := range map[string]string{
		"club.json": apiSwagger, "club.yaml": "swagger: '2.0'\nbasePath: /club\ninfo: {title: Club}\npaths: {/a: {get: {responses: {200: {description: x}}}}}\n",
		"broken.json": "{", "lacking.json": `{"swagger":"2.0"}`, "relative.json": strings.Replace(apiSwagger, `"/club"`, `"club"`, 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		command        string
		status         int
		answer         string
		code           int
		stdout, stderr string
		method, action string
		query          string // beside accesstoken and spaceguid
	}{
		"create": {"create /club /books post shop/web --response-type http", 200, made, 0, "ok: created API /club/books POST for action /_/shop/web\nhttp://gw/api/g/club/books\n", "",
			"POST", "createApi", "responsetype=json-or-http"},
		"create from JSON": {"create -c DIR/club.json", 200, made, 0, file, "", "POST", "createApi", ""},
		"create from YAML": {"create --config-file DIR/club.yaml", 200, made, 0, file, "", "POST", "createApi", ""},
		"get":              {"get /club --format yaml", 200, entry, 0, "basePath: /club\n", "", "GET", "getApi", "basepath=/club"},
		"get nothing":      {"get /other", 200, `{"apis":[]}`, 1, "", "error: API does not exist for basepath /other\n", "GET", "getApi", "basepath=/other"},
		"list": {"list", 200, entry, 0, "ok: APIs\nAction             Verb API Name  URL\n                    get     Club  http://gw/api/g/club/books\n" +
			"/guest/shop/add    post     Club  http://gw/api/g/club/books\n/guest/read         get     Club  http://gw/api/g/club/{isbn}\n", "", "GET", "getApi", "limit=30&skip=0"},
		"list one": {"list /club /books GET -f -l 1", 200, entry, 0, "ok: APIs\nAction: \n  API Name: Club\n  Base path: /club\n  Path: /books\n  Verb: get\n  URL: http://gw/api/g/club/books\n", "",
			"GET", "getApi", "basepath=/club&limit=1&operation=get&relpath=/books&skip=0"},
		"delete":           {"delete /club", 200, `{}`, 0, "ok: deleted API /club\n", "", "DELETE", "deleteApi", "basepath=/club"},
		"delete path":      {"delete Club /books", 200, `{}`, 0, "ok: deleted /books from Club\n", "", "DELETE", "deleteApi", "basepath=Club&relpath=/books"},
		"delete operation": {"delete Club /books get", 200, `{}`, 0, "ok: deleted /books GET from Club\n", "", "DELETE", "deleteApi", "basepath=Club&operation=get&relpath=/books"},
		"refused": {"delete /club", 502, `{"error":"API deletion failure: API '/club' does not exist."}`, 246, "",
			"error: Unable to delete API: API deletion failure: API '/club' does not exist.\n", "DELETE", "deleteApi", "basepath=/club"},
		"no gateway": {"list", 404, `{"error":"The requested resource does not exist.","code":"t"}`, 148, "",
			"error: Unable to obtain the API list: The requested resource does not exist. (code t)\n", "GET", "getApi", "limit=30&skip=0"},

		"no slash":            {command: "create /club books get web", code: 1, stderr: "error: 'books' must begin with '/'.\nRun"},
		"base without slash":  {command: "create club /books get web", code: 1, stderr: "error: 'club' must begin with '/'.\nRun"},
		"two names":           {command: "create club /books get web -n Club", code: 1, stderr: "error: An API name can only be specified once.\nRun"},
		"verb":                {command: "create /club /books fetch web", code: 1, stderr: "error: 'fetch' is not a valid API verb.  Valid values are: GET, PUT, POST, DELETE, PATCH, HEAD, OPTIONS\nRun"},
		"base with parameter": {command: "create /{club} /books get web", code: 1, stderr: "error: The base path '/{club}' cannot have parameters. Only the relative path supports path parameters.\nRun"},
		"path parameter":      {command: "create /{isbn} get web", code: 1, stderr: "error: A response type of 'http' is required when using path parameters.\nRun"},
		"response type":       {command: "create /a get web --response-type tank", code: 1, stderr: "error: 'tank' is not a valid response type."},
		"no web action": {command: "create /a get plain", code: 1,
			stderr: "error: Action '/_/plain' is not a web action. Issue 'wsk action update \"/_/plain\" --web true' to convert the action to a web action.\n"},
		"no action":     {command: "create /a get missing", code: 148, stderr: "error: Unable to get action 'missing': The requested resource does not exist. (code t)\n"},
		"too few":       {command: "create /a", code: 1, stderr: "error: Invalid argument(s). Specify a swagger file or specify an API base path with an API path, an API verb, and an action name.\nRun"},
		"file and path": {command: "create -c DIR/club.json /a", code: 1, stderr: "error: Invalid argument(s): /a. Specify a swagger file"},
		"no file":       {command: "create -c DIR/none.json", code: 2, stderr: "error: Error reading swagger file 'DIR/none.json': "},
		"broken file":   {command: "create -c DIR/broken.json", code: 2, stderr: "error: Error parsing swagger file 'DIR/broken.json': "},
		"lacking file":  {command: "create -c DIR/lacking.json", code: 2, stderr: "error: Swagger file is invalid (missing basePath, info, paths, or swagger fields)\n"},
		"relative file": {command: "create -c DIR/relative.json", code: 2, stderr: "error: Swagger file basePath must start with a leading slash (/)\n"},
		"get what":      {command: "get", code: 1, stderr: "error: Invalid argument(s). An API base path or API name is required.\nRun"},
		"get how":       {command: "get /club --format xml", code: 1, stderr: "error: Invalid format type: xml\nRun"},
		"delete what":   {command: "delete", code: 1, stderr: "error: Invalid argument(s). An API base path or API name is required.  An optional API relative path and operation may also be provided.\nRun"},
		"delete verb":   {command: "delete /a /b fetch", code: 1, stderr: "error: 'fetch' is not a valid API verb."},
		"list too much": {command: "list a /b get d", code: 1, stderr: "error: Invalid argument(s): d. Optional parameters are: API base path (or API name), API relative path and operation.\nRun"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &management{status: tt.status, answer: tt.answer}
			srv := httptest.NewServer(m)
			defer srv.Close()
			command := strings.ReplaceAll(tt.command, "DIR", dir)
			code, stdout, stderr := wsk(t, append([]string{"--apihost", srv.URL, "--auth", "u:k", "api"}, strings.Fields(command)...)...)
			if want := strings.ReplaceAll(tt.stderr, "DIR", dir); code != tt.code || !strings.HasPrefix(stdout, tt.stdout) || !strings.HasPrefix(stderr, want) || want == "" && stderr != "" {
				t.Errorf("got %d\n%s%s\nwant %d\n%s%s", code, stdout, stderr, tt.code, tt.stdout, want)
			}
			if tt.method == "" {
				if m.asked != nil {
					t.Errorf("the management was asked: %s %s", m.asked.Method, m.asked.URL)
				}
				return
			}
			query, err := url.ParseQuery(strings.ReplaceAll(tt.query, "json-or-http", "http"))
			if err != nil {
				t.Fatal(err)
			}
			query.Set("accesstoken", "DUMMY TOKEN")
			query.Set("spaceguid", "u")
			if m.asked.Method != tt.method || m.asked.URL.Path != "/api/v1/web/whisk.system/apimgmt/"+tt.action+".http" {
				t.Errorf("asked %s %s", m.asked.Method, m.asked.URL)
			}
			if diff := cmp.Diff(query, m.asked.URL.Query()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAPICreateSends: the description of a route has what the management actions ask for.
func TestAPICreateSends(t *testing.T) {
	m := &management{status: 200, answer: `{"gwApiUrl":"http://gw"}`}
	srv := httptest.NewServer(m)
	defer srv.Close()
	if code, _, stderr := wsk(t, "--apihost", srv.URL, "--auth", "u:k", "api", "create", "/club", "/books/{isbn}", "GET", "shop/web", "--response-type", "http", "-n", "Club"); code != 0 {
		t.Fatal(stderr)
	}
	want := `{"apidoc":{"namespace":"_","apiName":"Club","gatewayBasePath":"/club","gatewayPath":"/books/{isbn}","gatewayMethod":"get","id":"API:_:/club",` +
		`"pathParameters":[{"name":"isbn","in":"path","required":true,"type":"string","description":"Default description for 'isbn'"}],` +
		`"action":{"name":"shop/web","namespace":"_","backendMethod":"POST","backendUrl":"` + srv.URL + `/api/v1/web/_/shop/web.http","authkey":"u:k","secureKey":"s"}}}`
	if got := strings.TrimSpace(m.body); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestProjectRoutes: a project's routes are made and deleted by the management actions.
func TestProjectRoutes(t *testing.T) {
	m := &management{status: 200, answer: `{"gwApiUrl":"http://gw"}`}
	srv := httptest.NewServer(m)
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "club.json"), []byte(apiSwagger), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "packages: {default: {apis: {Club: {club: {'books/{isbn}': {shop/web: {method: get, response: http}}}}}}}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	project := func(verb string) (stderr string) {
		code, _, stderr := wsk(t, "--apihost", srv.URL, "--auth", "u:k", "project", verb, "--manifest", file)
		if code != 0 {
			t.Fatal(stderr)
		}
		return stderr
	}
	project("deploy")
	for _, want := range []string{`"apiName":"Club","gatewayBasePath":"/club","gatewayPath":"/books/{isbn}","gatewayMethod":"get"`, `/api/v1/web/_/shop/web.http"`} {
		if !strings.Contains(m.body, want) {
			t.Errorf("got %s, which has no %s", m.body, want)
		}
	}
	project("undeploy")
	query := m.asked.URL.Query()
	if got := []string{m.asked.Method, query.Get("basepath"), query.Get("relpath"), query.Get("operation")}; !cmp.Equal(got, []string{"DELETE", "/club", "/books/{isbn}", "get"}) {
		t.Errorf("undeploy asked %q", got)
	}
	if err := os.WriteFile(file, []byte("project: {config: club.json, packages: {default: }}"), 0o600); err != nil {
		t.Fatal(err)
	}
	project("deploy")
	if !strings.Contains(m.body, `"swagger":"{\"basePath\":\"/club\"`) {
		t.Errorf("got %s, which has no description", m.body)
	}
	project("undeploy")
	if got := m.asked.Method + " " + m.asked.URL.Query().Get("basepath"); got != "DELETE /club" {
		t.Errorf("undeploy asked %s", got)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m.status, m.answer = 502, `{"error":"API '/club' does not exist."}`
	if stderr := project("undeploy"); !strings.Contains(stderr, "Warning: Unable to delete API '/club/books/{isbn}': API '/club' does not exist.") {
		t.Errorf("undeploy without the API says %q", stderr)
	}
}
