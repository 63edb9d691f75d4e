package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"quirl/client"
)

// platform answers as a server does that has one action, hello.
func platform() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/namespaces/_/actions/hello", func(w http.ResponseWriter, r *http.Request) {
		var arguments struct{ Name string }
		json.NewDecoder(r.Body).Decode(&arguments)
		fmt.Fprintf(w, `{"greeting": "Hello, %s!"}`, arguments.Name)
	})
	mux.HandleFunc("GET /api/v1/namespaces/_/actions", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `[{"namespace": "guest", "name": "hello", "annotations": [{"key": "exec", "value": "nodejs:20"}]}]`)
	})
	mux.HandleFunc("GET /api/v1/namespaces/_/activations/{id}/logs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: line\nid: 1\ndata: \"2026-11-27T08:00:00.000000000Z stdout: working\"\n\nevent: end\ndata: {}\n\n")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error": "The requested resource does not exist.", "code": "5dssi34rpmfejkjgguf5c2fbg318us41"}`)
	})
	return httptest.NewServer(mux)
}

// An action is called, and its result is what the function returned.
func ExampleClient_Do() {
	server := platform()
	defer server.Close()
	c := client.Client{Host: server.URL, Key: "uuid:secret"}

	var result struct{ Greeting string }
	_, err := c.Do(context.Background(), client.Request{
		Method: http.MethodPost, Path: client.Path("namespaces", "_", "actions", "hello"),
		Query: map[string][]string{"blocking": {"true"}, "result": {"true"}},
		Body:  map[string]string{"name": "you"}, Into: &result,
	})
	fmt.Println(result.Greeting, err)
	// Output: Hello, you! <nil>
}

// Lists have the types of this package.
func ExampleClient_Do_list() {
	server := platform()
	defer server.Close()
	c := client.Client{Host: server.URL, Key: "uuid:secret"}

	var actions []client.Action
	if _, err := c.Do(context.Background(), client.Request{Path: client.Path("namespaces", "_", "actions"), Into: &actions}); err != nil {
		fmt.Println(err)
	}
	for _, a := range actions {
		fmt.Printf("%s/%s %s\n", a.Namespace, a.Name, a.Annotations.Get("exec"))
	}
	// Output: guest/hello "nodejs:20"
}

// What the server refuses is an *Error, with the server's own words.
func ExampleError() {
	server := platform()
	defer server.Close()
	c := client.Client{Host: server.URL, Key: "uuid:secret"}

	_, err := c.Do(context.Background(), client.Request{Path: client.Path("namespaces", "_", "actions", "missing")})
	var refused *client.Error
	fmt.Println(errors.As(err, &refused), refused.Status, err)
	// Output: true 404 The requested resource does not exist. (code 5dssi34rpmfejkjgguf5c2fbg318us41)
}

// A log is followed while its activation runs.
func ExampleClient_Stream() {
	server := platform()
	defer server.Close()
	c := client.Client{Host: server.URL, Key: "uuid:secret"}

	request := client.Request{Path: client.Path("namespaces", "_", "activations", "0123456789abcdef0123456789abcdef", "logs")}
	err := c.Stream(context.Background(), request, func(e client.Event) (more bool, err error) {
		fmt.Println(e.Type, e.Data)
		return e.Type != "end", nil
	})
	fmt.Println(err)
	// Output:
	// line "2026-11-27T08:00:00.000000000Z stdout: working"
	// end {}
	// <nil>
}

// A name may have a package, and what a URL would take for something else.
func ExamplePath() {
	fmt.Println(client.Path("namespaces", "guest", "actions", "my package/send mail"))
	// Output: namespaces/guest/actions/my%20package/send%20mail
}
