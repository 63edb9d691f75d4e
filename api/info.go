package api

import (
	"encoding/json"

	"quirl/entitlement"
	"quirl/whisk"
)

// info answers with what a client needs to know before it has a key: the limits
// in force and the runtimes. Durations are milliseconds, memory and logs bytes.
func (a *API) info(*request) response {
	l := &a.Limits
	return ok(struct {
		Description string            `json:"description"`
		Support     map[string]string `json:"support"`
		APIPaths    []string          `json:"api_paths"`
		Limits      map[string]int    `json:"limits"`
		Runtimes    json.RawMessage   `json:"runtimes"`
	}{
		Description: "OpenWhisk",
		Support:     map[string]string{"github": "https://github.com/apache/openwhisk/issues", "slack": "http://slack.openwhisk.org"},
		APIPaths:    []string{"/api/v1"},
		Limits: map[string]int{
			"actions_per_minute": l.InvocationsPerMinute, "triggers_per_minute": l.FiresPerMinute,
			"concurrent_actions": l.ConcurrentInvocations, "sequence_length": l.SequenceLength,
			"default_min_action_duration": l.Timeout.Min, "default_max_action_duration": l.Timeout.Max,
			"default_min_action_memory": l.Memory.Min * whisk.MB, "default_max_action_memory": l.Memory.Max * whisk.MB,
			"default_min_action_logs": l.Logs.Min * whisk.MB, "default_max_action_logs": l.Logs.Max * whisk.MB,
			"min_action_duration": l.Timeout.Min, "max_action_duration": l.Timeout.Max,
			"min_action_memory": l.Memory.Min * whisk.MB, "max_action_memory": l.Memory.Max * whisk.MB,
			"min_action_logs": l.Logs.Min * whisk.MB, "max_action_logs": l.Logs.Max * whisk.MB,
		},
		Runtimes: a.Kinds.Info(),
	})
}

func (a *API) apiInfo(*request) response {
	return ok(struct {
		Description string            `json:"description"`
		Version     string            `json:"api_version"`
		VersionPath string            `json:"api_version_path"`
		Build       string            `json:"build"`
		BuildNumber string            `json:"buildno"`
		Swagger     map[string]string `json:"swagger_paths"`
	}{"OpenWhisk API", "1.0.0", "v1", a.Build, a.BuildNumber, map[string]string{"ui": "/docs", "api-docs": "/api-docs"}})
}

// getLimits answers with the limits in force for a namespace.
func (a *API) getLimits(r *request) response {
	err := a.Entitlement.Authorize(r.Context(), r.caller, entitlement.Read, entitlement.Resource{Collection: "limits", Path: whisk.Path(r.namespace)})
	if err != nil {
		return failed(err)
	}
	l, own := r.caller.Effective(&a.Limits), &r.caller.Limits
	return ok(struct {
		InvocationsPerMinute  int        `json:"invocationsPerMinute"`
		ConcurrentInvocations int        `json:"concurrentInvocations"`
		FiresPerMinute        int        `json:"firesPerMinute"`
		MaxActionMemory       int        `json:"maxActionMemory"`
		MinActionMemory       int        `json:"minActionMemory"`
		MaxActionLogs         int        `json:"maxActionLogs"`
		MinActionLogs         int        `json:"minActionLogs"`
		MaxActionTimeout      int        `json:"maxActionTimeout"`
		MinActionTimeout      int        `json:"minActionTimeout"`
		MaxActionConcurrency  int        `json:"maxActionConcurrency"`
		MinActionConcurrency  int        `json:"minActionConcurrency"`
		MaxParameterSize      whisk.Size `json:"maxParameterSize"`
		MaxActionInstances    int        `json:"maxActionInstances"`
		AllowedKinds          []string   `json:"allowedKinds,omitempty"`
		StoreActivations      *bool      `json:"storeActivations,omitempty"`

		MaxPayloadSize *whisk.Size `json:"maxPayloadSize,omitempty"`
		TruncationSize *whisk.Size `json:"truncationSize,omitempty"`
		KeepingCount   *int        `json:"warmedContainerKeepingCount,omitempty"`
		KeepingTimeout *string     `json:"warmedContainerKeepingTimeout,omitempty"`
	}{
		l.InvocationsPerMinute, l.ConcurrentInvocations, l.FiresPerMinute,
		l.Memory.Max, l.Memory.Min, l.Logs.Max, l.Logs.Min, l.Timeout.Max, l.Timeout.Min, l.Concurrency.Max, l.Concurrency.Min,
		whisk.Size(l.Parameters), l.Instances,
		own.AllowedKinds, own.StoreActivations, own.MaxPayloadSize, own.TruncationSize, own.WarmedContainerKeepingCount, own.WarmedContainerKeepingTimeout,
	})
}
