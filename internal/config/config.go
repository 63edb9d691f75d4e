// Package config fills a struct from a file, the environment and flags.
//
// It promises that a later source wins over an earlier one (defaults, file,
// environment, flags), that nothing unknown is ignored, and that an error names
// the place to mend. A key is the field's `yaml` tag everywhere: in the file as
// it is, as a flag with two dashes, in the environment in capitals with '_' for
// '-' behind a prefix. The field's `help` tag describes it.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"
)

// EnvPrefix is in front of every key in the environment.
const EnvPrefix = "QUIRL_"

// Flags adds a flag for each field of the struct that cfg points to, with the
// field's present value as default.
func Flags(cfg any, flags *pflag.FlagSet) {
	for _, f := range fields(cfg) {
		v := &value{f.value}
		flag := flags.VarPF(v, f.key, "", f.help)
		if f.value.Kind() == reflect.Bool {
			flag.NoOptDefVal = "true"
		}
	}
}

// Load fills cfg, a pointer to the struct whose flags were parsed, from file
// ("" is none) and the environment; flags that were given keep their values.
func Load(cfg any, file string, getenv func(string) string, flags *pflag.FlagSet) error {
	given := map[string]string{}
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = f.Value.String() })
	if file != "" {
		if err := loadFile(cfg, file); err != nil {
			return err
		}
	}
	for _, f := range fields(cfg) {
		name := EnvName(f.key)
		if text := getenv(name); text != "" {
			if err := (&value{f.value}).Set(text); err != nil {
				return fmt.Errorf("environment variable %s: %w", name, err)
			}
		}
		if text, ok := given[f.key]; ok {
			if err := (&value{f.value}).Set(text); err != nil {
				return fmt.Errorf("flag --%s: %w", f.key, err)
			}
		}
	}
	return nil
}

// EnvName is the environment variable of a key.
func EnvName(key string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

func loadFile(cfg any, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(cfg); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("configuration %s: %s", file, oneLine(err))
	}
	return nil
}

// oneLine tells the decoder's complaints in one line, in the words of a configuration file.
func oneLine(err error) string {
	var list *yaml.TypeError
	if !errors.As(err, &list) {
		return err.Error()
	}
	unknown := regexp.MustCompile(`field (\S+) not found in type \S+`)
	return unknown.ReplaceAllString(strings.Join(list.Errors, "; "), "there is no key $1")
}

// Write prints the effective values as a configuration file, each with its help.
// Values of fields tagged `secret:"true"`, and passwords in URLs, are hidden. References are
// printed as they are, unless they were resolved.
func Write(w io.Writer, cfg any) error {
	for _, f := range fields(cfg) {
		text := (&value{f.value}).String()
		if f.secret && text != "" && !isReference(text) {
			text = "(hidden)"
		}
		if u, err := url.Parse(text); err == nil && u.User != nil { // the password of a URL
			text = u.Redacted()
		}
		line, err := yaml.Marshal(map[string]any{f.key: scalar(f.value, text)})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "# %s\n%s\n", f.help, line); err != nil {
			return err
		}
	}
	return nil
}

// isReference says whether a text is nothing but a reference, which is no secret itself.
func isReference(text string) bool {
	return strings.HasPrefix(text, "${") && strings.Index(text, "}") == len(text)-1
}

func scalar(v reflect.Value, text string) any {
	if v.Kind() == reflect.Int || v.Kind() == reflect.Bool {
		return v.Interface()
	}
	return text
}

type field struct {
	key, help string
	secret    bool
	url       bool
	value     reflect.Value
}

func fields(cfg any) []field {
	v := reflect.ValueOf(cfg).Elem()
	list := make([]field, 0, v.NumField())
	for i := range v.NumField() {
		t := v.Type().Field(i)
		list = append(list, field{t.Tag.Get("yaml"), t.Tag.Get("help"), t.Tag.Get("secret") == "true", t.Tag.Get("url") == "true", v.Field(i)})
	}
	return list
}

// value lets a field be set from text: a string, whole number, Boolean or duration.
type value struct{ reflect.Value }

func (v *value) Type() string {
	if v.Value.Type() == reflect.TypeFor[time.Duration]() {
		return "duration"
	}
	return v.Kind().String()
}

func (v *value) String() string {
	if !v.IsValid() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

func (v *value) Set(text string) error {
	switch v.Type() {
	case "duration":
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is no duration such as 10s or 5m", text)
		}
		v.SetInt(int64(d))
	case "int":
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		v.SetInt(int64(n))
	case "bool":
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	default:
		v.SetString(text)
	}
	return nil
}
