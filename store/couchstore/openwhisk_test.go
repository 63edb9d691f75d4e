package couchstore_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/google/go-cmp/cmp"

	"quirl/store/couchstore"
	"quirl/store/couchstore/couchtest"
	"quirl/whisk"
)

// openWhiskDocuments are documents as OpenWhisk writes them, by database.
var openWhiskDocuments = map[string][]string{
	"whisks": {
		`{"_id":"guest/hello","entityType":"action","namespace":"guest","name":"hello","version":"0.0.3","publish":false,"updated":1600000000000,
		  "annotations":[{"key":"provide-api-key","value":false},{"key":"exec","value":"nodejs:14"}],"parameters":[{"key":"x","value":1.0}],
		  "limits":{"timeout":60000,"memory":256,"logs":10,"concurrency":5},
		  "exec":{"kind":"nodejs:14","binary":false,"code":{"attachmentName":"mem:ZnVuY3Rpb24gbWFpbigpIHsgcmV0dXJuIHt9OyB9","attachmentType":"text/plain; charset=UTF-8","length":30,"digest":"x"}}}`,
		`{"_id":"guest/pkg/zipped","entityType":"action","namespace":"guest/pkg","name":"zipped","version":"0.0.1","publish":true,"updated":1600000000001,"annotations":[],"parameters":[],
		  "limits":{"timeout":1000,"memory":128,"logs":1},
		  "exec":{"kind":"python:3","binary":true,"main":"go","code":{"attachmentName":"couch:0ab1","attachmentType":"application/octet-stream","length":4}},
		  "_attachments":{"0ab1":{"content_type":"application/octet-stream","data":"UEsDBA=="}}}`,
		`{"_id":"guest/inline","namespace":"guest","name":"inline","version":"0.0.1","publish":false,"annotations":[],"parameters":[],"limits":{"timeout":60000,"memory":256},
		  "exec":{"kind":"nodejs:6","code":"function main() { }"}}`,
		`{"_id":"guest/jar","entityType":"action","namespace":"guest","name":"jar","version":"0.0.1","publish":false,"updated":1,"annotations":[],"parameters":[],"limits":{"timeout":60000,"memory":256,"logs":10},
		  "exec":{"kind":"java","main":"Hello","jar":{"attachmentName":"jarfile","attachmentType":"application/java-archive"}},
		  "_attachments":{"jarfile":{"content_type":"application/java-archive","data":"UEsDBA=="}}}`,
		`{"_id":"guest/black","entityType":"action","namespace":"guest","name":"black","version":"0.0.1","publish":false,"updated":1,"annotations":[],"parameters":[],"limits":{"timeout":60000,"memory":256,"logs":10},
		  "exec":{"kind":"blackbox","image":"someone/image:1","binary":false}}`,
		`{"_id":"guest/seq","entityType":"action","namespace":"guest","name":"seq","version":"0.0.1","publish":false,"updated":1,"annotations":[],"parameters":[],"limits":{"timeout":60000,"memory":256,"logs":10},
		  "exec":{"kind":"sequence","components":["/guest/hello","/whisk.system/utils/echo"]}}`,
		`{"_id":"guest/pkg","entityType":"package","namespace":"guest","name":"pkg","version":"0.0.1","publish":false,"updated":1,"annotations":[],"parameters":[],"binding":{}}`,
		`{"_id":"guest/bound","entityType":"package","namespace":"guest","name":"bound","version":"0.0.1","publish":false,"updated":1,"annotations":[],"parameters":[],"binding":{"namespace":"guest","name":"pkg"}}`,
		`{"_id":"guest/t","entityType":"trigger","namespace":"guest","name":"t","version":"0.0.2","publish":false,"updated":1,"annotations":[{"key":"feed","value":"/whisk.system/alarms/alarm"}],"parameters":[],"limits":{},
		  "rules":{"guest/r":{"action":{"name":"hello","path":"guest"},"status":"active"},"guest/off":{"action":{"name":"zipped","path":"guest/pkg"},"status":"inactive"}}}`,
		`{"_id":"guest/r","entityType":"rule","namespace":"guest","name":"r","version":"0.0.1","publish":false,"updated":1,"annotations":[],"trigger":{"name":"t","path":"guest"},"action":{"name":"hello","path":"guest"}}`,
		`{"_id":"guest/lost","entityType":"action","namespace":"guest","name":"lost","version":"0.0.1","publish":false,"updated":1,"annotations":[],"parameters":[],"limits":{"timeout":60000,"memory":256,"logs":10},
		  "exec":{"kind":"nodejs:14","code":{"attachmentName":"s3:0ab1","attachmentType":"text/plain"}}}`,
		`{"_id":"guest/short","entityType":"action","namespace":"guest","name":"short","version":"0.0.1","publish":false,"updated":1,"annotations":[],"parameters":[],"limits":{"timeout":60000,"memory":256,"logs":10},
		  "exec":{"kind":"nodejs:14","code":{"attachmentName":"mem:eHh4","attachmentType":"text/plain","length":30}}}`,
		`{"_id":"guest/nonsense","entityType":"thing","name":"nonsense"}`,
		`{"_id":"_design/whisks.v2.1.0","language":"javascript","views":{"actions":{"map":"function (doc) {}"}}}`,
	},
	"subjects": {
		`{"_id":"guest","subject":"guest","namespaces":[{"name":"guest","uuid":"23bc46b1-71f6-4ed5-8c54-816aa4f8c502","key":"k1"},{"name":"other","uuid":"u2","key":"k2"}]}`,
		`{"_id":"ancient","subject":"ancient","uuid":"u3","key":"k3","blocked":true}`,
		`{"_id":"guest/limits","invocationsPerMinute":120,"allowedKinds":["nodejs:14"]}`,
		`{"_id":"strange","colour":"blue"}`,
	},
	"activations": {
		`{"_id":"guest/0123456789abcdef0123456789abcdef","entityType":"activation","activationId":"0123456789abcdef0123456789abcdef","namespace":"guest","name":"hello","version":"0.0.3","publish":false,"subject":"guest",
		  "start":1600000001000,"end":1600000001005,"duration":5,"response":{"statusCode":0,"result":{"ok":true}},"logs":["2020-09-13T12:26:41.000000000Z stdout: hi"],
		  "annotations":[{"key":"path","value":"guest/hello"},{"key":"kind","value":"nodejs:14"}],"cause":"fedcba9876543210fedcba9876543210"}`,
		`{"_id":"guest/what","colour":"blue"}`,
	},
}

// TestOpenWhisk reads databases as OpenWhisk leaves them.
func TestOpenWhisk(t *testing.T) {
	u := couchtest.Start(t).Prefix(t)
	putAll(t, u, openWhiskDocuments)
	var problems []string
	o, err := couchstore.ReadOpenWhisk(t.Context(), u, func(id string, _ error) { problems = append(problems, id) })
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()

	code := map[string]string{}
	entities := map[string]whisk.Entity{}
	err = o.WalkEntities(t.Context(), "", func(e whisk.Entity) error {
		if a, ok := e.(*whisk.Action); ok && a.Exec.Code != nil {
			code[e.FullName().ID()], a.Exec.Code = *a.Exec.Code, nil
		}
		entities[e.FullName().ID()] = e
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantCode := map[string]string{
		"guest/hello": "function main() { return {}; }", "guest/pkg/zipped": "UEsDBA==", "guest/inline": "function main() { }", "guest/jar": "UEsDBA==",
	}
	if diff := cmp.Diff(wantCode, code); diff != "" {
		t.Errorf("code (-want +got):\n%s", diff)
	}
	none := whisk.Parameters{}
	meta := func(path whisk.Path, name string) whisk.Meta {
		return whisk.Meta{Namespace: path, Name: name, Version: whisk.FirstVersion(), Updated: 1, Annotations: none}
	}
	action := func(name string, exec whisk.Exec) *whisk.Action {
		return &whisk.Action{Meta: meta("guest", name), Exec: exec, Parameters: none, Limits: whisk.ActionLimits{Timeout: 60_000, Memory: 256, Logs: 10, Concurrency: 1}}
	}
	hello := action("hello", whisk.Exec{Kind: "nodejs:14"})
	hello.Version, hello.Updated, hello.Limits.Concurrency = whisk.Version{Patch: 3}, 1600000000000, 5
	hello.Annotations = none.With(whisk.Parameter{Key: "provide-api-key", Value: json.RawMessage("false")}).WithValue("exec", "nodejs:14")
	hello.Parameters = none.WithValue("x", 1)
	zipped := action("zipped", whisk.Exec{Kind: "python:3", Binary: true, Main: "go"})
	zipped.Namespace, zipped.Updated, zipped.Publish = "guest/pkg", 1600000000001, true
	zipped.Limits = whisk.ActionLimits{Timeout: 1000, Memory: 128, Logs: 1, Concurrency: 1}
	inline := action("inline", whisk.Exec{Kind: "nodejs:6"})
	inline.Updated = 0
	trigger := &whisk.Trigger{Meta: meta("guest", "t"), Parameters: none, Rules: whisk.RuleLinks{
		{Rule: "guest/r", Action: whisk.FullName{Path: "guest", Name: "hello"}, Active: true},
		{Rule: "guest/off", Action: whisk.FullName{Path: "guest/pkg", Name: "zipped"}},
	}}
	trigger.Version, trigger.Annotations = whisk.Version{Patch: 2}, none.WithValue("feed", "/whisk.system/alarms/alarm")
	want := map[string]whisk.Entity{
		"guest/hello": hello, "guest/pkg/zipped": zipped, "guest/inline": inline,
		"guest/jar":   action("jar", whisk.Exec{Kind: "java", Binary: true, Main: "Hello"}),
		"guest/black": action("black", whisk.Exec{Kind: "blackbox", Image: "someone/image:1"}),
		"guest/seq": action("seq", whisk.Exec{Kind: "sequence", Components: []whisk.FullName{
			{Path: "guest", Name: "hello"}, {Path: "whisk.system/utils", Name: "echo"},
		}}),
		"guest/pkg":   &whisk.Package{Meta: meta("guest", "pkg"), Parameters: none},
		"guest/bound": &whisk.Package{Meta: meta("guest", "bound"), Parameters: none, Binding: &whisk.Binding{Namespace: "guest", Name: "pkg"}},
		"guest/t":     trigger,
		"guest/r":     &whisk.Rule{Meta: meta("guest", "r"), Trigger: whisk.FullName{Path: "guest", Name: "t"}, Action: whisk.FullName{Path: "guest", Name: "hello"}},
	}
	if diff := cmp.Diff(want, entities); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}

	subjects, err := o.Subjects(t.Context())
	wantSubjects := []whisk.Subject{
		{Name: "ancient", Blocked: true, Namespaces: []whisk.SubjectNamespace{{Name: "ancient", Key: whisk.Key{UUID: "u3", Secret: "k3"}}}},
		{Name: "guest", Namespaces: []whisk.SubjectNamespace{
			{Name: "guest", Key: whisk.Key{UUID: "23bc46b1-71f6-4ed5-8c54-816aa4f8c502", Secret: "k1"}}, {Name: "other", Key: whisk.Key{UUID: "u2", Secret: "k2"}},
		}},
	}
	if diff := cmp.Diff(wantSubjects, subjects); err != nil || diff != "" {
		t.Errorf("subjects, %v (-want +got):\n%s", err, diff)
	}
	limits := map[string]whisk.NamespaceLimits{}
	err = o.WalkLimits(t.Context(), "", func(namespace string, l whisk.NamespaceLimits) error {
		limits[namespace] = l
		return nil
	})
	if l := limits["guest"]; err != nil || len(limits) != 1 || *l.InvocationsPerMinute != 120 || !slices.Equal(l.AllowedKinds, []string{"nodejs:14"}) {
		t.Errorf("limits: %+v, %v", limits, err)
	}
	var records []*whisk.Activation
	err = o.WalkActivations(t.Context(), "", func(a *whisk.Activation) error {
		records = append(records, a)
		return nil
	})
	if err != nil || len(records) != 1 || records[0].ID != "0123456789abcdef0123456789abcdef" || records[0].Duration != 5 ||
		string(records[0].Response.Result) != `{"ok":true}` || len(records[0].Logs) != 1 || records[0].Cause == "" {
		t.Errorf("records: %+v, %v", records, err)
	}
	slices.Sort(problems)
	if diff := cmp.Diff([]string{"guest/lost", "guest/nonsense", "guest/short", "guest/what", "strange"}, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// putAll makes databases with documents.
func putAll(t *testing.T, u *url.URL, documents map[string][]string) {
	t.Helper()
	client, err := kivik.New("couch", "http://"+u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		db := strings.Trim(u.Path, "/") + name
		if err := client.CreateDB(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		for _, text := range documents[name] {
			var doc struct {
				ID string `json:"_id"`
			}
			if err := json.Unmarshal([]byte(text), &doc); err != nil {
				t.Fatal(err)
			}
			if _, err := client.DB(db).Put(t.Context(), doc.ID, json.RawMessage(text)); err != nil {
				t.Fatalf("%s: %v", doc.ID, err)
			}
		}
	}
}
