package loop

import (
	"fmt"
	"io"

	"quirl/internal/archive"
)

// Compile compiles code, a source text or an archive, for an entry point and writes the
// result as a zip file, which is valid as code of an /init and needs no compiler there
// (runtime contract, 6.3).
func Compile(config Config, main string, code io.Reader, result io.Writer) error {
	data, err := io.ReadAll(code)
	if err != nil {
		return fmt.Errorf("read code: %w", err)
	}
	// An archive is told by its beginning; all else is source, whatever it looks like.
	u := &upload{main: main, code: data, binary: archive.Is(data), env: config.Env}
	ready, err := u.build(&config)
	if err != nil {
		return err
	}
	return archive.Pack(result, ready.folder)
}
