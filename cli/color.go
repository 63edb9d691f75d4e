package cli

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Colours of the words that lines begin with, by ECMA-48; wsk has the same for ok and error.
var colours = map[string]string{"ok:": "\x1b[1;32m", "error:": "\x1b[1;31m", "Error:": "\x1b[1;31m", "warning:": "\x1b[1;33m", "Warning:": "\x1b[1;33m", "Success:": "\x1b[1;32m"}

const plain = "\x1b[0m"

// coloured is w, with colours where somebody sees them: on a terminal, unless NO_COLOR
// (no-color.org) is set or the terminal is a dumb one.
func (a *app) coloured(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); !ok || !isTerminal(f) || a.Getenv("NO_COLOR") != "" || a.Getenv("TERM") == "dumb" {
		return w
	}
	return painter{w}
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// A painter colours the first word of what is written at once, where it has a colour.
type painter struct{ io.Writer }

func (p painter) Write(text []byte) (int, error) {
	word, _, found := strings.Cut(string(text), " ")
	colour := colours[word]
	if !found || colour == "" {
		return p.Writer.Write(text)
	}
	if _, err := io.WriteString(p.Writer, colour+word+plain); err != nil {
		return 0, err
	}
	n, err := p.Writer.Write(text[len(word):])
	return len(word) + n, err
}
