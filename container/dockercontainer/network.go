package dockercontainer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
	made string // its name; empty: not made yet
}

// name is the network that containers get. The instance's own is made when it is
// wanted for the first time.
func (n *bridge) name(f *Factory) (string, error) {
	if f.config.Network != "" {
		return f.config.Network, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.made != "" {
		return n.made, nil
	}
	// There may be an older one that the engine does not remove, see removeNetwork.
	name := f.config.networkName() + "_" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	_, err := f.engine.NetworkCreate(f.ctx, name, client.NetworkCreateOptions{
		Driver:  "bridge",
		Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"},
		Labels:  map[string]string{label: f.config.Instance},
	})
	if err != nil {
		return "", fmt.Errorf("make network: %w", err)
	}
	n.made = name
	return name, nil
}

// lost says that somebody removed the network.
func (n *bridge) lost() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.made = ""
}

func (n *bridge) remove(ctx context.Context, f *Factory) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.made == "" {
		return nil
	}
	name := n.made
	n.made = ""
	if err := f.removeNetwork(ctx, name); err != nil {
		return fmt.Errorf("docker: %w", err)
	}
	return nil
}

// networkTime bounds how long a network is waited for whose containers are gone.
const networkTime = 10 * time.Second

// removeNetwork removes a network that no container of ours is on any more. What the
// engine still has of one that ended while it was being started is taken away by
// force. Engines miscount, when much happens at once: a network that nothing is on
// and that they do not remove nevertheless stays until they are restarted.
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
		left, freed := f.disconnectAll(ctx, id)
		if freed == nil && left == 0 {
			f.log.Warn("the engine keeps an unused network until it is restarted", "network", id, "error", err)
			return nil
		}
		if !rest(patient, pause) {
			return fmt.Errorf("remove network: %w", errors.Join(err, freed))
		}
	}
}

func isInUse(err error) bool { return strings.Contains(err.Error(), "active endpoints") }

// disconnectAll takes everything off a network, and says how much that was.
func (f *Factory) disconnectAll(ctx context.Context, id string) (count int, err error) {
	found, err := f.engine.NetworkInspect(ctx, id, client.NetworkInspectOptions{})
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, left := range found.Network.Containers {
		_, err := f.engine.NetworkDisconnect(ctx, id, client.NetworkDisconnectOptions{Container: left.Name, Force: true})
		errs = append(errs, err)
	}
	return len(found.Network.Containers), errors.Join(errs...)
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
		if strings.HasPrefix(n.Name, f.config.networkName()) {
			errs = append(errs, f.removeNetwork(ctx, n.ID))
		}
	}
	return errors.Join(errs...)
}
