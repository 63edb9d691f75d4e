package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"quirl/client"
	"quirl/internal/archive"
)

// What is installed, and the names of the files; those of the completion and of the
// skeleton are OpenWhisk's.
const (
	completionFile = "wsk_cli_bash_completion.sh"
	skeletonFolder = "dockerSkeleton"
	skeletonPath   = "blackbox.tar.gz"
	iosFile        = "OpenWhiskIOSStarterApp.zip"
)

func (a *app) sdkCommand() *cobra.Command {
	cmd := noun("sdk", "work with the sdk")
	var stdout bool
	install := &cobra.Command{Use: "install COMPONENT", Short: "install SDK artifacts", Long: "install SDK artifacts, where valid COMPONENT values are docker, ios, and bashauto"}
	install.Flags().BoolVarP(&stdout, "stdout", "s", false, "prints bash command completion script to stdout")
	install.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return malformed("The SDK component argument is missing. One component (docker, ios, or bashauto) must be specified.")
		}
		switch args[0] {
		case "bashauto":
			return a.installCompletion(cmd.Root(), stdout)
		case "docker":
			return a.installDocker(cmd.Context())
		case "ios":
			return a.installIOS(cmd.Context())
		}
		return malformed("The SDK component argument '%s' is invalid. Valid components are docker, ios and bashauto.", args[0])
	}
	cmd.AddCommand(install)
	return cmd
}

func (a *app) installCompletion(root *cobra.Command, stdout bool) error {
	if stdout {
		return root.GenBashCompletionV2(a.Stdout, true)
	}
	var script bytes.Buffer
	if err := root.GenBashCompletionV2(&script, true); err != nil {
		return err
	}
	if err := writeNew(completionFile, script.Bytes()); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "The bash auto-completion script (%s) is installed in the current directory.\n"+
		"To enable command line completion of %s commands, source the auto completion script into your bash environment\n", completionFile, a.name)
	return nil
}

func (a *app) installDocker(ctx context.Context) error {
	if _, err := os.Lstat(skeletonFolder); err == nil {
		return alreadyThere(skeletonFolder)
	}
	skeleton, err := a.download(ctx, "docker", skeletonPath)
	if err != nil {
		return err
	}
	if err := archive.Unpack(skeleton, ".", archive.DefaultLimits); err != nil {
		return fmt.Errorf("The docker SDK installation failed: %w", err)
	}
	fmt.Fprintln(a.Stdout, "The docker skeleton is now installed at the current directory.")
	return nil
}

func (a *app) installIOS(ctx context.Context) error {
	app, err := a.download(ctx, "ios", iosFile)
	if err != nil {
		return err
	}
	if err := writeNew(iosFile, app); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "Downloaded OpenWhisk iOS starter app. Unzip %s and open the project in Xcode.\n", iosFile)
	return nil
}

// download fetches a file that the API host offers beside the API, without a key.
func (a *app) download(ctx context.Context, component, path string) ([]byte, error) {
	c, err := a.connect()
	if err != nil {
		return nil, err
	}
	var content json.RawMessage
	if _, err := c.Do(ctx, client.Request{Path: path, Outside: true, Anonymous: true, Into: &content}); err != nil {
		return nil, fmt.Errorf("The %s SDK installation failed: %w", component, err)
	}
	return content, nil
}

func writeNew(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return alreadyThere(file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func alreadyThere(path string) error {
	return fmt.Errorf("The path %s already exists.  Please delete it and retry.", path)
}
