package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"quirl/client"
)

// follow writes the lines of an activation's log while it runs, and returns when it has
// ended. A stream that is cut off is taken up where it was.
func (a *app) follow(ctx context.Context, c *client.Client, id string, w io.Writer, strip bool) error {
	request := client.Request{Path: client.Path("namespaces", "_", "activations", id, "logs")}
	for shown, tries := "", 0; ; {
		began := shown
		request.LastEventID = shown
		err := c.Stream(ctx, request, func(e client.Event) (bool, error) {
			if e.Type == "end" {
				return false, nil
			}
			var line string
			if err := json.Unmarshal([]byte(e.Data), &line); err != nil {
				return false, fmt.Errorf("%w: %w", client.ErrMalformed, err)
			}
			shown = e.ID
			if strip {
				line = stripped(line)
			}
			_, err := fmt.Fprintln(w, line)
			return true, err
		})
		if !errors.Is(err, client.ErrEnded) || ctx.Err() != nil {
			return err
		}
		if tries++; shown != began {
			tries = 0
		}
		if tries > 3 { // nothing new for several streams
			return err
		}
	}
}

// invokeAndFollow invokes an action, writes its log to standard error while it runs, and
// its result to standard output, or to standard error when the function failed.
func (a *app) invokeAndFollow(ctx context.Context, c *client.Client, name entityName) error {
	var accepted struct{ ActivationID string }
	_, err := c.Do(ctx, client.Request{
		Method: http.MethodPost, Path: client.Path("namespaces", name.namespace, "actions", name.entity),
		Query: url.Values{"blocking": {"false"}, "result": {"false"}}, Body: object(a.params.parameters), Into: &accepted,
	})
	if err != nil {
		return fmt.Errorf("Unable to invoke action '%s': %w", name.entity, err)
	}
	if err := a.follow(ctx, c, accepted.ActivationID, a.Stderr, true); err != nil {
		return fmt.Errorf("Unable to get logs for activation '%s': %w", accepted.ActivationID, err)
	}
	var answer client.Response
	path := client.Path("namespaces", "_", "activations", accepted.ActivationID, "result")
	if _, err := c.Do(ctx, client.Request{Path: path, Query: url.Values{"wait": {"60000"}}, Into: &answer}); err != nil {
		return fmt.Errorf("Unable to get result for activation '%s': %w", accepted.ActivationID, err)
	}
	if answer.Success {
		return a.value(answer.Result)
	}
	if err := printJSON(a.Stderr, answer.Result); err != nil {
		return err
	}
	return errFunctionFailed
}

// errFunctionFailed ends a command that has shown how.
var errFunctionFailed = &exitError{code: exitOf(http.StatusBadGateway), err: errors.New("the function failed"), quiet: true}
