package cli

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/wfslog/wfslog/internal/encode"
)

// writeJSON writes a value as one line of JSON, with everything escaped that a
// terminal could take for more than text.
func writeJSON(w io.Writer, value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	line := encode.AppendClean(nil, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	_, err := w.Write(append(line, '\n'))
	return err
}
