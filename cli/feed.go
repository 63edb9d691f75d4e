package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"quirl/client"
)

// The events that a feed is called for (OpenWhisk's documentation of feeds).
const (
	feedCreate = "CREATE"
	feedRead   = "READ"
	feedUpdate = "UPDATE"
	feedDelete = "DELETE"
)

// feedAnnotation names the feed action of a trigger.
const feedAnnotation = "feed"

// A feed is an action that makes events for a trigger. The command line calls it; the
// server knows nothing of it.
type feed struct {
	*app
	client          *client.Client
	trigger, action entityName
}

// feedOf finds the feed of a trigger in its annotations.
func (a *app) feedOf(c *client.Client, name entityName, trigger client.Trigger) (f feed, ok bool, err error) {
	var text string
	if json.Unmarshal(trigger.Annotations.Get(feedAnnotation), &text) != nil || text == "" {
		return feed{}, false, nil
	}
	action, err := a.parseEntity(text)
	return feed{app: a, client: c, trigger: name, action: action}, err == nil, err
}

// send tells the feed of an event and returns the status and the record of its run; a
// function that failed is a *client.Error without a code.
func (f feed) send(ctx context.Context, event string, given client.KeyValues) (status int, record json.RawMessage, err error) {
	parameters := object(given)
	parameters["lifecycleEvent"] = quoted(event)
	parameters["triggerName"] = quoted(f.trigger.String())
	parameters["authKey"] = quoted(f.client.Key)
	status, err = f.client.Do(ctx, client.Request{
		Method: http.MethodPost, Path: client.Path("namespaces", f.action.namespace, "actions", f.action.entity),
		Query: url.Values{"blocking": {"true"}, "result": {"false"}}, Body: parameters, Into: &record,
	})
	return status, record, err
}

// call tells the feed of an event, and shows what it returned as an invocation is shown.
// It has failed when the function did, or takes longer than the server waits.
func (f feed) call(ctx context.Context, event string, given client.KeyValues) error {
	status, answer, err := f.send(ctx, event, given)
	if refused, failed := functionError(err); failed {
		err = f.functionFailed(f.action, refused, false)
		var exit *exitError
		if errors.As(err, &exit) {
			err = &exitError{code: exit.code, err: errFeed}
		}
	} else if err == nil {
		err = f.invoked(f.action, status, answer, true, false)
		var exit *exitError
		if errors.As(err, &exit) {
			err = &exitError{code: exit.code, err: exit.err}
		}
	}
	if err == nil {
		return nil
	}
	problem := fmt.Errorf("Unable to configure feed '%s': %w", f.action, err)
	var exit *exitError
	if errors.As(err, &exit) { // its code, and all of the text
		return &exitError{code: exit.code, err: problem}
	}
	return problem
}

var errFeed = errors.New("the feed action returned an error")

// functionError says whether a refusal is a function's own failure, not the server's.
func functionError(err error) (refused *client.Error, failed bool) {
	failed = errors.As(err, &refused) && refused.Code == "" && refused.Status == http.StatusBadGateway && len(refused.Body) > 0
	return refused, failed
}

// quoted is text as JSON.
func quoted(text string) json.RawMessage {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // any string can be encoded
	}
	return encoded
}

// quietly tells the feed of an event and shows nothing.
func (f feed) quietly(ctx context.Context, event string, given client.KeyValues) error {
	status, _, err := f.send(ctx, event, given)
	if refused, failed := functionError(err); failed {
		err = &exitError{code: exitOf(refused.Status), err: fmt.Errorf("%w: %s", errFeed, refused.Body)}
	} else if err == nil && status == http.StatusAccepted {
		err = errors.New("the feed action takes longer than the server waits")
	}
	if err != nil {
		return fmt.Errorf("Unable to configure feed '%s': %w", f.action, err)
	}
	return nil
}
