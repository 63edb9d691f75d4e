package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"quirl/client"
)

func TestDrawTimeline(t *testing.T) {
	fine := client.KeyValues{
		{Key: "timeline", Value: json.RawMessage(`{"admission":1000,"queue":0,"container":29000,"init":1000,"run":29000}`)},
		{Key: "coldStart", Value: json.RawMessage(`{"reason":"first use","start":"stem"}`)},
	}
	coarse := client.KeyValues{{Key: "waitTime", Value: json.RawMessage(`30`)}, {Key: "initTime", Value: json.RawMessage(`15`)}}
	for name, tt := range map[string]struct {
		annotations client.KeyValues
		want        []string
	}{
		"ours": {fine, []string{
			"activation 1 of /guest/a, success, stem: first use, 60.0 ms",
			"  admission     1.00 ms  |" + strings.Repeat("#", 1) + strings.Repeat(" ", 59) + "|",
			"  container     29.0 ms  | " + strings.Repeat("#", 29) + strings.Repeat(" ", 30) + "|",
			"  init          1.00 ms  |" + strings.Repeat(" ", 30) + "#" + strings.Repeat(" ", 29) + "|",
			"  run           29.0 ms  |" + strings.Repeat(" ", 31) + strings.Repeat("#", 29) + "|",
		}},
		"OpenWhisk's": {coarse, []string{
			"activation 1 of /guest/a, success, cold, 60.0 ms",
			"  wait          30.0 ms  |" + strings.Repeat("#", 30) + strings.Repeat(" ", 30) + "|",
			"  init          15.0 ms  |" + strings.Repeat(" ", 30) + strings.Repeat("#", 15) + strings.Repeat(" ", 15) + "|",
			"  run           15.0 ms  |" + strings.Repeat(" ", 45) + strings.Repeat("#", 15) + "|",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			drawTimeline(&out, client.Activation{ActivationID: "1", Namespace: "guest", Name: "a", Duration: 30, Annotations: tt.annotations, Response: client.Response{Status: "success"}})
			if got := strings.TrimSuffix(out.String(), "\n"); got != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(tt.want, "\n"))
			}
		})
	}
	// A record that says nothing, such as that of a sequence.
	var out bytes.Buffer
	drawTimeline(&out, client.Activation{ActivationID: "1", Namespace: "guest", Name: "a", Response: client.Response{Status: "success"}})
	if got := out.String(); got != "activation 1 of /guest/a, success, warm, 0.00 ms\n" {
		t.Errorf("got %q", got)
	}
}
