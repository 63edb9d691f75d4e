package dockercontainer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// parallelRemovals bounds how many containers are removed at once.
const parallelRemovals = 8

// A bridge is the instance's own network.
type bridge struct {
	mu   sync.Mutex
	made bool
}

// name is the network that containers get. The instance's own is made when it is
// wanted for the first time.
func (n *bridge) name(f *Factory) (string, error) {
	if f.config.Network != "" {
		return f.config.Network, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.made {
		return f.config.networkName(), nil
	}
	_, err := f.engine.NetworkCreate(f.ctx, f.config.networkName(), client.NetworkCreateOptions{
		Driver:  "bridge",
		Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"},
		Labels:  map[string]string{label: f.config.Instance},
	})
	if err != nil && !errdefs.IsConflict(err) && !strings.Contains(err.Error(), "already exists") {
		return "", fmt.Errorf("make network: %w", err)
	}
	n.made = true
	return f.config.networkName(), nil
}

// lost says that somebody removed the network.
func (n *bridge) lost() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.made = false
}

func (n *bridge) remove(ctx context.Context, f *Factory) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.made {
		return nil
	}
	n.made = false
	if err := f.removeNetwork(ctx, f.config.networkName()); err != nil {
		return fmt.Errorf("docker: %w", err)
	}
	return nil
}

// networkTime bounds how long a network is waited for whose containers are gone.
const networkTime = 10 * time.Second

// removeNetwork removes a network that no container of ours is on any more. The
// engine lets go of an ended container's place on the network in its own time, and
// may have lost track of one that ended while it was being started; what it still
// has of that is taken away by force.
func (f *Factory) removeNetwork(ctx context.Context, id string) error {
	patient, cancel := context.WithTimeout(ctx, networkTime)
	defer cancel()
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		_, err := f.engine.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
		switch {
		case err == nil, errdefs.IsNotFound(err):
			return nil
		case !isInUse(err):
			return fmt.Errorf("remove network: %w", err)
		}
		if err := f.disconnectAll(ctx, id); err != nil && !errdefs.IsNotFound(err) {
			f.log.Debug("network cannot be freed", "network", id, "error", err)
		}
		if !rest(patient, pause) {
			return fmt.Errorf("remove network: %w", err)
		}
	}
}

func isInUse(err error) bool { return strings.Contains(err.Error(), "active endpoints") }

func (f *Factory) disconnectAll(ctx context.Context, id string) error {
	found, err := f.engine.NetworkInspect(ctx, id, client.NetworkInspectOptions{})
	if err != nil {
		return err
	}
	var errs []error
	f.log.Debug("network is still in use", "network", id, "containers", len(found.Network.Containers))
	for _, left := range found.Network.Containers {
		_, err := f.engine.NetworkDisconnect(ctx, id, client.NetworkDisconnectOptions{Container: left.Name, Force: true})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// mine chooses what belongs to the instance.
func (f *Factory) mine() client.Filters {
	return make(client.Filters).Add("label", label+"="+f.config.Instance)
}

// sweep removes everything of the instance, by its label and its name.
func (f *Factory) sweep(ctx context.Context) error {
	found, err := f.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: f.mine()})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	gate := make(chan struct{}, parallelRemovals)
	for _, c := range found.Items {
		if len(c.Names) == 0 || !strings.HasPrefix(strings.TrimPrefix(c.Names[0], "/"), f.config.prefix()) {
			continue
		}
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			if err := f.removeContainer(ctx, c.ID); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, f.sweepNetworks(ctx))...)
}

func (f *Factory) sweepNetworks(ctx context.Context) error {
	found, err := f.engine.NetworkList(ctx, client.NetworkListOptions{Filters: f.mine()})
	if err != nil {
		return err
	}
	f.bridge.lost()
	var errs []error
	for _, n := range found.Items {
		if n.Name != f.config.networkName() {
			continue
		}
		err := f.removeNetwork(ctx, n.ID)
		if err != nil && isInUse(err) { // it is as good as a new one
			f.log.Warn("the engine does not let go of the network, it is used again", "network", n.Name, "error", err)
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
