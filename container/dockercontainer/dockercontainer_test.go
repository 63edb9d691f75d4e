package dockercontainer_test

import (
	"strings"
	"testing"

	"quirl/container"
	"quirl/container/containertest"
	"quirl/container/dockercontainer"
	"quirl/container/dockercontainer/dockertest"
	"quirl/internal/logtest"
)

// image makes a spec one of the engine's.
func image(spec container.Spec) container.Spec {
	spec.Image = dockertest.Image
	return spec
}

func TestContainer(t *testing.T) {
	engine := dockertest.Start(t)
	for _, c := range []struct {
		name    string
		publish bool
		lives   int
	}{{"by address", false, 0}, {"by published port", true, 60}} { // what could leak is nearly the same
		t.Run(c.name, func(t *testing.T) {
			containertest.Run(t, func(t *testing.T) container.Factory {
				f, err := dockercontainer.New(dockercontainer.Config{Host: engine.Host, Instance: "suite", Publish: c.publish, Log: logtest.New(t)})
				if err != nil {
					t.Fatal(err)
				}
				return f
			}, containertest.Options{Adapt: image, Lives: c.lives, Foreign: ofSandboxes})
		})
	}
}

// ofSandboxes knows what a server beside the test has; an engine's control groups are its own.
func ofSandboxes(name string) bool {
	return strings.HasPrefix(name, "/sys/fs/cgroup/") && strings.Contains(name+"/", "/quirl/") || strings.Contains(name, "quirl instance ")
}
