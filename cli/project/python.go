package project

import (
	"regexp"
	"runtime"
	"slices"
)

var (
	// requirement is a line that asks for something.
	requirement = regexp.MustCompile(`(?m)^[ \t]*[^#\s]`)
	// ofProject is a requirement that is in the project's own folder.
	ofProject = regexp.MustCompile(`(?m)^[ \t]*(-e|--editable|\.|/)|file:`)
	// pythonOfPip is the version that pip tells of its interpreter.
	pythonOfPip = regexp.MustCompile(`\(python (\d+\.\d+)\)`)
	pythonKind  = regexp.MustCompile(`^python:(\d+\.\d+)$`)
)

func planPython(s *source) (*plan, error) {
	text, err := s.text("requirements.txt")
	// The runtime would install again what a requirements.txt asks for.
	leave := patternsOf("/requirements.txt", "/"+packages+"/bin/", "__pycache__/")
	if err != nil || !requirement.MatchString(text) {
		return &plan{Leave: leave}, err
	}
	version := ""
	if pythonKind.MatchString(s.kind) {
		if version, err = pip.version(s.ctx); err != nil {
			return nil, err
		}
	}
	// Other files of requirements, and packages, may be named in the first one.
	args := []string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile", "--requirement", "requirements.txt", "--target", packages}
	return &plan{
		Install: []Step{{Tool: pip, Args: append(args, foreign(s.kind, version, runtime.GOOS, runtime.GOARCH)...)}},
		Outputs: []string{packages},
		Beside:  packages,
		Inputs:  patternsOf("*.txt", "*.whl", "*.tar.gz", "*.zip"),
		Whole:   ofProject.MatchString(text),
		Leave:   leave,
	}, nil
}

// packages is the folder for pip; in the archive they lie beside the code, where imports find them.
const packages = ".quirl-packages"

// foreign are the options of pip for an interpreter that is not the one of this
// machine: one of another version, or, from other systems, one on Linux.
func foreign(kind, pipVersion, goos, goarch string) []string {
	var args []string
	if wanted := pythonKind.FindStringSubmatch(kind); wanted != nil {
		if have := pythonOfPip.FindStringSubmatch(pipVersion); have != nil && have[1] != wanted[1] {
			args = append(args, "--python-version="+wanted[1])
		}
	}
	if machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[goarch]; goos != "linux" && machine != "" {
		args = append(args, "--platform=manylinux2014_"+machine)
	}
	if len(args) > 0 {
		args = slices.Insert(args, 0, "--only-binary=:all:")
	}
	return args
}
