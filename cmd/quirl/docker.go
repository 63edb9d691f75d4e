package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"quirl/container"
	"quirl/container/dockercontainer"
)

// pingTime bounds how long an engine may take to say that it is there.
const pingTime = 10 * time.Second

// openDocker makes the factory for docker://?host=…&network=…&publish=…&writable=…&dns=….
func openDocker(ctx context.Context, u *url.URL, env environment) (container.Factory, error) {
	cfg, err := dockerConfig(u, env)
	if err != nil {
		return nil, err
	}
	f, err := dockercontainer.New(cfg)
	if err != nil {
		return nil, err
	}
	ping, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if err := f.Ping(ping); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: start it, or name another one's address in DOCKER_HOST or with docker://?host=unix:///path/to/socket", err), f.Close())
	}
	return f, nil
}

func dockerConfig(u *url.URL, env environment) (dockercontainer.Config, error) {
	query := u.Query()
	known := []string{"host", "network", "publish", "writable", "dns"}
	for key := range query {
		if !slices.Contains(known, key) {
			return dockercontainer.Config{}, fmt.Errorf("unknown setting %q; known are %v", key, known)
		}
	}
	cfg := dockercontainer.Config{
		Host:     query.Get("host"),
		Instance: instance(env.data),
		Network:  query.Get("network"),
		Log:      env.log,
	}
	if cfg.Host == "" && os.Getenv("DOCKER_HOST") == "" {
		cfg.Host = desktopEngine()
	}
	var err error
	if cfg.Publish, err = flag(query, "publish", dockercontainer.PublishByDefault()); err != nil {
		return cfg, err
	}
	if cfg.Writable, err = flag(query, "writable", false); err != nil {
		return cfg, err
	}
	for _, text := range fields(query.Get("dns")) {
		server, err := netip.ParseAddr(text)
		if err != nil {
			return cfg, fmt.Errorf("dns: %w", err)
		}
		cfg.DNS = append(cfg.DNS, server)
	}
	return cfg, nil
}

func flag(query url.Values, key string, byDefault bool) (bool, error) {
	text := query.Get(key)
	if text == "" {
		return byDefault, nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%s: %q is neither true nor false", key, text)
	}
	return on, nil
}

// desktopEngine is the socket of a Docker Desktop that may not make the usual one;
// empty where there is none.
func desktopEngine() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	if _, err := os.Stat("/var/run/docker.sock"); err == nil {
		return ""
	}
	socket := filepath.Join(home, ".docker", "run", "docker.sock")
	if _, err := os.Stat(socket); err != nil {
		return ""
	}
	return "unix://" + socket
}

// instance is named after the data folder, so that a successor finds what a lost
// process left, and two platforms on one machine leave each other alone.
func instance(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:4])
}
