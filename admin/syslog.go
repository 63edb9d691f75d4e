package admin

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// LogFile is where a component writes its log below the folder of logs, as OpenWhisk has it.
func LogFile(folder, component string) string {
	return filepath.Join(folder, component, component+"_logs.log")
}

// maxLogLine bounds a line of a log that is read, in bytes.
const maxLogLine = 1 << 20

func (a *admin) syslogCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "syslog", Short: "read the logs of the platform's parts"}
	var tid, pattern string
	get := &cobra.Command{
		Use: "get [COMPONENT]...", Short: "print the lines of the components' logs, in the order of time",
		Long: "get reads what the parts have written below the setting log-folder: those that are named, or all.",
		RunE: func(_ *cobra.Command, args []string) error {
			folder, err := a.LogFolder()
			if err != nil {
				return err
			}
			if folder == "" {
				return failed("there are no logs in files: set log-folder, or ask what keeps the output of the process, such as journalctl")
			}
			match, err := regexp.Compile(pattern)
			if err != nil {
				return misused("%s is no regular expression: %v", pattern, err)
			}
			components, err := logComponents(folder, args)
			if err != nil {
				return err
			}
			var lines []string
			for _, c := range components {
				err := eachLogLine(LogFile(folder, c), func(line string) {
					if (tid == "" || strings.Contains(line, "tid="+tid)) && match.MatchString(line) {
						lines = append(lines, line)
					}
				})
				if errors.Is(err, fs.ErrNotExist) {
					return failed("there is no log of a component %s", c)
				}
				if err != nil {
					return err
				}
			}
			slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(logTime(a), logTime(b)) })
			for _, line := range lines {
				fmt.Fprintln(a.Out, line)
			}
			return nil
		},
	}
	get.Flags().StringVarP(&tid, "tid", "t", "", "only lines of this transaction `ID`")
	get.Flags().StringVarP(&pattern, "grep", "g", "", "only lines that match this regular `EXPRESSION`")
	cmd.AddCommand(get)
	return cmd
}

// logComponents are those that are named, or all that have a log.
func logComponents(folder string, named []string) ([]string, error) {
	if len(named) > 0 {
		for _, c := range named {
			if c != filepath.Base(c) || strings.HasPrefix(c, ".") {
				return nil, failed("there is no log of a component %s", c)
			}
		}
		return named, nil
	}
	files, err := filepath.Glob(LogFile(folder, "*"))
	var all []string
	for _, file := range files {
		if c := filepath.Base(filepath.Dir(file)); LogFile(folder, c) == file {
			all = append(all, c)
		}
	}
	return all, err
}

func eachLogLine(file string, each func(string)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		each(lines.Text())
	}
	return lines.Err()
}

// logTime is the time that a line begins with; what does not begin with one goes first.
func logTime(line string) string {
	if rest, ok := strings.CutPrefix(line, "time="); ok {
		at, _, _ := strings.Cut(rest, " ")
		return at
	}
	return ""
}
