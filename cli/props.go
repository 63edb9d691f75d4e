package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"quirl/client"
)

// What `quirl serve` offers without configuration.
const (
	localHost = "http://127.0.0.1:3233"
	localKey  = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
)

// properties are the lines KEY=VALUE of the file ~/.wskprops.
type properties map[string]string

// propsFile is where the properties are; empty when the environment says there are none.
func (a *app) propsFile() string {
	if a.config != "" {
		return a.config
	}
	if file, ok := a.LookupEnv("WSK_CONFIG_FILE"); ok {
		return file
	}
	home := a.Getenv("HOME")
	if home == "" {
		home, _ = os.UserHomeDir() // without a home there is no file
	}
	return filepath.Join(home, ".wskprops")
}

func (a *app) loadProps() (properties, error) {
	if a.propsFile() == "" {
		return properties{}, nil
	}
	text, err := os.ReadFile(a.propsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return properties{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read properties: %w", err)
	}
	return parseProps(text), nil
}

// parseProps passes over lines that are not of the form KEY=VALUE, as wsk does.
func parseProps(text []byte) properties {
	props := properties{}
	for line := range strings.SplitSeq(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		key, value, ok := strings.Cut(line, "=")
		if ok && !strings.Contains(value, "=") {
			props[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return props
}

func (a *app) saveProps(props properties) error {
	if a.propsFile() == "" {
		return usageError("There is no file for properties: WSK_CONFIG_FILE is set and empty. Unset it, or set it to a file.")
	}
	keys := make([]string, 0, len(props))
	for key := range props {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var text strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&text, "%s=%s\n", key, props[key])
	}
	if err := os.WriteFile(a.propsFile(), []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("write properties: %w", err)
	}
	return nil
}

// setting finds a value: flag, then environment, then file, then preset.
func (a *app) setting(flag, env, key, preset string) string {
	for _, v := range []string{flag, a.Getenv(env), a.props[key], preset} {
		if v != "" {
			return v
		}
	}
	return ""
}

// connect makes the client for the configured host and key.
func (a *app) connect() (*client.Client, error) {
	var err error
	if a.props, err = a.loadProps(); err != nil {
		return nil, err
	}
	presetHost, presetKey := "", ""
	if !a.isWsk() {
		presetHost = localHost
	}
	host := a.setting(a.flags.apihost, "WHISK_APIHOST", "APIHOST", presetHost)
	if host == "" {
		return nil, &exitError{code: exitGeneral, err: errors.New("The API host is not valid: An API host must be provided.")}
	}
	if host == localHost {
		presetKey = localKey
	}
	transport, err := a.transport()
	if err != nil {
		return nil, err
	}
	return &client.Client{
		Host:      host,
		Version:   a.setting(a.flags.apiversion, "WHISK_APIVERSION", "APIVERSION", "v1"),
		Key:       a.setting(a.flags.auth, "WHISK_AUTH", "AUTH", presetKey),
		UserAgent: "OpenWhisk-CLI/1.0 (" + a.Build + ") " + runtime.GOOS + " " + runtime.GOARCH,
		HTTP:      &http.Client{Transport: transport},
	}, nil
}

// authenticated is connect for commands that need a key.
func (a *app) authenticated() (*client.Client, error) {
	c, err := a.connect()
	if err == nil && c.Key == "" {
		return nil, usageError("Authorization key is not configured (--auth is required)")
	}
	return c, err
}

func (a *app) transport() (http.RoundTripper, error) {
	cert := a.setting(a.flags.cert, "", "CERT", "")
	key := a.setting(a.flags.key, "", "KEY", "")
	cfg := &tls.Config{InsecureSkipVerify: a.flags.insecure}
	switch {
	case cert == "" && key != "":
		return nil, usageError("The Cert file is not configured. Please configure the missing Cert file.")
	case cert != "" && key == "":
		return nil, usageError("The Key file is not configured. Please configure the missing Key file.")
	case cert != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, usageError("Unable to load the X509 key pair due to the following reason: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	var t http.RoundTripper = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg, TLSHandshakeTimeout: 30 * time.Second}
	full := a.flags.debug || a.Getenv("WSK_CLI_DEBUG") != ""
	if a.flags.verbose || full {
		t = &tracer{t, a.Stdout, full}
	}
	return t, nil
}
