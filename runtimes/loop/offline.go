package loop

import (
	"encoding/base64"
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
	// As a text it is source, whatever it looks like; an archive is told by its beginning.
	u := &upload{main: main, code: string(data), env: config.Env}
	if archive.Is(data) {
		u.code, u.binary = base64.StdEncoding.EncodeToString(data), true
	}
	ready, err := u.build(&config)
	if err != nil {
		return err
	}
	return archive.Pack(result, ready.folder)
}
