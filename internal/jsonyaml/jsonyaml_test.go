package jsonyaml_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"gopkg.in/yaml.v3"

	"quirl/internal/jsonyaml"
)

func TestWrite(t *testing.T) {
	for given, want := range map[string]string{
		`{"z":1,"a":[true,null,"x"],"m":{},"l":[]}`:         "z: 1\na:\n  - true\n  - null\n  - x\nm: {}\nl: []\n",
		`["true","1","","~","a: b","# c","2026-01-01","-"]`: "- \"true\"\n- \"1\"\n- \"\"\n- \"~\"\n- 'a: b'\n- '# c'\n- \"2026-01-01\"\n- '-'\n",
		`{"n":1.50,"e":1e3,"big":123456789012345678901}`:    "n: 1.50\ne: 1e3\nbig: 123456789012345678901\n",
		`"\ud83d\ude00"`: "\"\\U0001F600\"\n",
		`"a\nb\n"`:       "|\n  a\n  b\n",
	} {
		var got bytes.Buffer
		if err := jsonyaml.Write(&got, []byte(given)); err != nil || got.String() != want {
			t.Errorf("%s: got %q %v, want %q", given, got.String(), err, want)
		}
	}
	for _, bad := range []string{``, `{`, `[1`, `{"a":}`} {
		if err := jsonyaml.Write(&bytes.Buffer{}, []byte(bad)); err == nil {
			t.Errorf("%s is taken for JSON", bad)
		}
	}
}

// FuzzWrite: what is written has the same values when it is read.
func FuzzWrite(f *testing.F) {
	f.Add([]byte(`{"a":["true","0x1","\u0000",1e5,null,{"<<":"x"}]}`))
	f.Fuzz(func(t *testing.T, given []byte) {
		var want, got any
		if json.Unmarshal(given, &want) != nil {
			return
		}
		var text bytes.Buffer
		if err := jsonyaml.Write(&text, given); err != nil {
			t.Fatalf("%s: %v", given, err)
		}
		if err := yaml.Unmarshal(text.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v in %q", given, err, text.String())
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("%s: %v", given, err)
		}
		var same any
		if err := json.Unmarshal(again, &same); err != nil || !reflect.DeepEqual(want, same) {
			t.Errorf("%s: got %s by %q", given, again, text.String())
		}
	})
}
