//go:build !linux || !cgo

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "quirl-sandbox: works on Linux only and must be built with cgo: CGO_ENABLED=1 go build -tags seccomp quirl/cmd/quirl-sandbox")
	os.Exit(1)
}
