package dockercontainer_test

import (
	"testing"

	"quirl/container"
	"quirl/container/containertest"
	"quirl/container/dockercontainer"
	"quirl/container/dockercontainer/dockertest"
	"quirl/internal/logtest"
)

func TestMain(m *testing.M) { dockertest.Main(m) }

// image makes a spec one of the engine's.
func image(spec container.Spec) container.Spec {
	spec.Image = dockertest.Image
	return spec
}

func TestContainer(t *testing.T) {
	engine := dockertest.Start(t)
	for name, publish := range map[string]bool{"by address": false, "by published port": true} {
		t.Run(name, func(t *testing.T) {
			containertest.Run(t, func(t *testing.T) container.Factory {
				f, err := dockercontainer.New(dockercontainer.Config{Host: engine.Host, Instance: "suite", Publish: publish, Log: logtest.New(t)})
				if err != nil {
					t.Fatal(err)
				}
				return f
			}, containertest.Options{Adapt: image})
		})
	}
}
