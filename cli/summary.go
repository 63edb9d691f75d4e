package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"quirl/client"
)

// summaryOf is the short description of an entity: what it is, its full name, what
// it is for, and its parameters. What it is is aligned right to width.
func summaryOf(what string, width int, namespace, name string, annotations, bound client.KeyValues) string {
	params := parameterNames(annotations, bound)
	var description string
	json.Unmarshal(annotations.Get("description"), &description) // another type counts as none
	if description == "" && len(params) > 0 {
		description = returns(params)
	}
	text := fmt.Sprintf("%*s /%s/%s", width, what, namespace, name)
	if description != "" {
		text += ": " + description
	}
	shown := "none defined"
	if len(params) > 0 {
		shown = strings.Join(marked(params, annotations, bound), ", ")
	}
	return fmt.Sprintf("%s\n   (parameters: %s)\n", text, shown)
}

// parameterNames are those of the annotation "parameters" and the bound ones, sorted.
func parameterNames(annotations, bound client.KeyValues) []string {
	var described []struct {
		Name string `json:"name"`
	}
	json.Unmarshal(annotations.Get("parameters"), &described) // another type counts as none
	var names []string
	for _, d := range described {
		if d.Name != "" {
			names = append(names, d.Name)
		}
	}
	for _, kv := range bound {
		names = append(names, kv.Key)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// marked puts one star before bound parameters, and two when they are final.
func marked(names []string, annotations, bound client.KeyValues) []string {
	mark := "*"
	if string(annotations.Get("final")) == "true" {
		mark = "**"
	}
	shown := slices.Clone(names)
	for i, name := range names {
		if bound.Get(name) != nil {
			shown[i] = mark + name
		}
	}
	return shown
}

func returns(names []string) string {
	if len(names) == 1 {
		return "Returns a result based on parameter " + names[0]
	}
	last := len(names) - 1
	return "Returns a result based on parameters " + strings.Join(names[:last], ", ") + " and " + names[last]
}
