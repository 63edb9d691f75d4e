package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quirl/internal/config"
)

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte("p@ss/w:rd ${x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) string { return map[string]string{"USER_NAME": "me"}[name] }
	for _, tt := range []struct{ url, text, want, err string }{
		{text: "", want: ""},
		{text: "plain $x", want: "plain $x"},
		{text: "${file:" + file + "}", want: "p@ss/w:rd ${x}"},
		{text: "a ${env:USER_NAME} b ${env:USER_NAME}", want: "a me b me"},
		{text: "$${env:USER_NAME}", want: "${env:USER_NAME}"},
		{text: "${env:NOBODY}", err: "text: ${env:NOBODY}: there is no such variable"},
		{text: "${file:" + dir + "/none}", err: "no such file"},
		{text: "${vault:x}", err: "text: ${vault:x} is neither ${file:PATH} nor ${env:NAME}"},
		{text: "x${file:y", err: "text: a reference has no end: ${file:y"},
		{url: "${file:" + file + "}", want: "p@ss/w:rd ${x}"},
		{url: "postgres://${env:USER_NAME}:${file:" + file + "}@host/db", want: "postgres://me:p%40ss%2Fw%3Ard%20$%7Bx%7D@host/db"},
	} {
		cfg := struct {
			Text  string `yaml:"text"`
			URL   string `yaml:"url" url:"true"`
			Count int    `yaml:"count"`
		}{Text: tt.text, URL: tt.url}
		err := config.Resolve(&cfg, getenv)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%+v: got %v, want %s", tt, err, tt.err)
			}
			continue
		}
		if err != nil || cfg.Text+cfg.URL != tt.want {
			t.Errorf("%+v: got %q, %v", tt, cfg.Text+cfg.URL, err)
		}
	}
}
