package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quirl/cli/manifest"
	"quirl/client"
)

// execFlags say what an action runs.
type execFlags struct {
	kind, main, image      string
	native, copy, sequence bool
}

func (e *execFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.kind, "kind", "", "the `KIND` of the action runtime (example: swift:default, nodejs:default)")
	f.StringVar(&e.main, "main", "", "the name of the action entry point (function or fully-qualified method name when applicable)")
	f.StringVar(&e.image, "docker", "", "use provided docker image (a path on DockerHub) to run the action")
	f.BoolVar(&e.native, "native", false, "treat ACTION as native action (zip file provides a compatible executable to run)")
	f.BoolVar(&e.copy, "copy", false, "treat ACTION as the name of an existing action")
	f.BoolVar(&e.sequence, "sequence", false, "treat ACTION as comma separated sequence of actions to invoke")
}

// nativeImage is the image that stands for programs.
const nativeImage = "openwhisk/dockerskeleton"

// buildExec makes the exec from flags and artifact; for a copy it adds the
// copied action's parameters and annotations.
func (a *app) buildExec(ctx context.Context, c *client.Client, e *execFlags, artifact []string, action *client.Action) (*client.Exec, error) {
	switch {
	case e.kind != "" && e.image != "":
		return nil, &exitError{code: exitNotAllowed, err: errors.New("Cannot specify both --kind and --docker at the same time.")}
	case e.sequence:
		return a.sequenceOf(artifact[0])
	case e.copy:
		return a.copyOf(ctx, c, artifact[0], action)
	case len(artifact) == 1 && a.isProject(artifact[0]):
		return a.projectExec(ctx, e, artifact[0])
	}
	exec := &client.Exec{Main: e.main}
	file := ""
	if len(artifact) == 1 {
		file = artifact[0]
		code, err := readCode(file)
		if err != nil {
			return nil, err
		}
		if len(code) > maxCode && !a.isWsk() { // a server refuses some sizes without a word
			return nil, usageError("the code in %s has %d bytes as it is sent, and %d are allowed", file, len(code), maxCode)
		}
		exec.Code = &code
	}
	switch {
	case e.blackbox(exec):
	case e.kind != "":
		exec.Kind = e.kind
	default:
		var err error
		if exec.Kind, err = kindOf(file); err != nil {
			return nil, err
		}
	}
	if exec.Kind == "java" && exec.Main == "" {
		return nil, usageError("Java actions require --main to specify the fully-qualified name of the main class")
	}
	return exec, nil
}

// blackbox makes the exec that of an image where the flags say so, natively or by name.
func (e *execFlags) blackbox(exec *client.Exec) bool {
	switch {
	case e.native:
		exec.Kind, exec.Image = "blackbox", nativeImage
	case e.image != "":
		exec.Kind, exec.Image = "blackbox", e.image
	default:
		return false
	}
	return true
}

// maxCode is the platform's limit for code, in bytes as it is sent: archives as base64.
const maxCode = 48 << 20

func readCode(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", missingFile(file)
	}
	switch filepath.Ext(file) {
	case ".zip", ".jar", ".balx":
		return base64.StdEncoding.EncodeToString(content), nil
	}
	return string(content), nil
}

// kindOf finds the default kind for a file by its extension.
func kindOf(file string) (string, error) {
	ext := filepath.Ext(file)
	if ext == ".zip" {
		return "", usageError("creating an action from a .zip artifact requires specifying the action kind explicitly")
	}
	family := manifest.Families[ext]
	if family == "" {
		return "", usageError("'%s' is not a supported action runtime", ext)
	}
	return family + ":default", nil
}

func (a *app) sequenceOf(list string) (*client.Exec, error) {
	exec := &client.Exec{Kind: "sequence"}
	for item := range strings.SplitSeq(list, ",") {
		name, err := a.parseEntity(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		exec.Components = append(exec.Components, name.String())
	}
	return exec, nil
}

func (a *app) copyOf(ctx context.Context, c *client.Client, source string, action *client.Action) (*client.Exec, error) {
	name, err := a.parseEntity(source)
	if err != nil {
		return nil, err
	}
	var copied client.Action
	_, err = c.Do(ctx, client.Request{Path: client.Path("namespaces", name.namespace, "actions", name.entity), Query: url.Values{"code": {"true"}}, Into: &copied})
	if err != nil {
		return nil, fmt.Errorf("Unable to get action '%s': %w", name.entity, err)
	}
	for _, kv := range copied.Parameters {
		if action.Parameters.Get(kv.Key) == nil {
			action.Parameters = append(action.Parameters, kv)
		}
	}
	for _, kv := range copied.Annotations {
		if action.Annotations.Get(kv.Key) == nil {
			action.Annotations = append(action.Annotations, kv)
		}
	}
	return copied.Exec, nil
}

// secureAnnotation sets require-whisk-auth as --web-secure says; a number that is stored already is kept.
func secureAnnotation(action *client.Action, stored client.KeyValues, secure string) error {
	const key = "require-whisk-auth"
	switch strings.ToLower(secure) {
	case "":
	case "true":
		if have := stored.Get(key); json.Unmarshal(have, new(float64)) == nil {
			action.Annotations = put(action.Annotations, key, have)
			return nil
		}
		n, err := rand.Int(rand.Reader, big.NewInt(1<<53-1))
		if err != nil {
			return err
		}
		action.Annotations = put(action.Annotations, key, json.RawMessage(n.String()))
	case "false":
		action.Annotations = slices.DeleteFunc(action.Annotations, func(kv client.KeyValue) bool { return kv.Key == key })
		action.DelAnnotations = append(action.DelAnnotations, key)
	default:
		quoted, err := json.Marshal(secure)
		if err != nil {
			return err
		}
		action.Annotations = put(action.Annotations, key, quoted)
	}
	return nil
}

// codeOf returns an exec's code as file content, and the extension of such files.
func codeOf(exec *client.Exec) (content []byte, extension string, err error) {
	family, _, _ := strings.Cut(exec.Kind, ":")
	if exec.Binary != nil && *exec.Binary {
		content, err = base64.StdEncoding.DecodeString(*exec.Code)
		if err != nil {
			return nil, "", fmt.Errorf("the action's code is not valid base64: %w", err)
		}
		if family == "java" {
			return content, ".jar", nil
		}
		return content, ".zip", nil
	}
	extensions := map[string]string{"nodejs": ".js", "python": ".py", "java": ".java", "swift": ".swift", "php": ".php", "ruby": ".rb", "rust": ".rs", "go": ".go", "dotnet": ".cs"}
	return []byte(*exec.Code), extensions[family], nil
}
