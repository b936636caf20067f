// Package schema_test checks the JSON Schemas of this folder against what wfslog
// writes. It is a module of its own because of the validator.
package schema_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

const (
	testdata  = "../testdata"
	documents = "document.schema.json"
	events    = "event.schema.json"
)

// compile returns the schema in a file. If it is strict, objects may have only the
// properties that the schema names: journals are open to fields of later
// versions, and what this version writes is not.
func compile(t *testing.T, path string, strict bool) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	if strict {
		closeObjects(parsed)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	require.NoError(t, c.AddResource(path, parsed))
	s, err := c.Compile(path)
	require.NoError(t, err)
	return s
}

// closeObjects forbids other properties in each schema that names some.
func closeObjects(schema any) {
	switch schema := schema.(type) {
	case map[string]any:
		if _, named := schema["properties"].(map[string]any); named {
			schema["additionalProperties"] = false
		}
		for _, part := range schema {
			closeObjects(part)
		}
	case []any:
		for _, part := range schema {
			closeObjects(part)
		}
	}
}

func validate(s *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, found, "%s in %s", pattern, dir)
	return found
}

func TestGoldenDocumentsFitTheSchema(t *testing.T) {
	s := compile(t, documents, true)
	for _, path := range glob(t, testdata, "*.json") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NoError(t, validate(s, text), path)
	}
}

func TestGoldenEventsFitTheSchema(t *testing.T) {
	open, strict := compile(t, events, false), compile(t, events, true)
	types, damaged := map[string]int{}, 0
	for _, path := range glob(t, testdata, "*.jsonl") {
		if strings.HasSuffix(path, ".flat.jsonl") {
			continue
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range bytes.Lines(text) {
			ev, err := wfslog.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				damaged++
				continue
			}
			if ev.Foreign {
				continue // as another program writes them
			}
			types[string(ev.Type)]++
			assert.NoError(t, validate(open, line), "%s: %s", path, line)
			if ev.Type != "future" {
				assert.NoError(t, validate(strict, line), "%s: %s", path, line)
			}
		}
	}
	for _, typ := range []string{"open", "start", "log", "set", "inject", "end", "loss", "close", "gone", "future"} {
		assert.Positive(t, types[typ], "no %s event in testdata", typ)
	}
	assert.Equal(t, 2, damaged, "lines that testdata has on purpose: a torn one, and one whose checksum does not fit")
}

// rootStart returns the line of a golden journal that starts the root.
func rootStart(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testdata, "research.jsonl"))
	require.NoError(t, err)
	return bytes.Split(text, []byte("\n"))[1]
}

func TestSchemasRefuseWhatWfslogDoesNotWrite(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(testdata, "research.json"))
	require.NoError(t, err)
	event := rootStart(t)
	tests := []struct {
		schema   string
		text     []byte
		old, new string
	}{
		{documents, document, `"format": "wfslog/1"`, `"format": "wfslog/2"`},
		{documents, document, `"complete": true`, `"complete": true, "more": 1`},
		{documents, document, `"number":1,`, ``},
		{documents, document, `"number":1,`, `"number":1,"seq":3,`},
		{documents, document, `"span":"1/1/1"`, `"span":"1/01/1"`},
		{documents, document, `"seq":9,`, `"seq":9,"started_at":"2026-11-22T06:14:05Z",`},
		{documents, document, `"duration_ms":4011.2`, `"duration_ms":"4011.2"`},
		{documents, document, `"input_tokens":1200`, `"input_tokens":-1200`},
		{documents, document, `"level":"WARN"`, `"level":"warn"`},
		{documents, document, `"started_at":"2026-11-22T06:14:05.5Z"`, `"started_at":"2026-11-22"`},
		{events, event, `"event":"start"`, `"event":""`},
		{events, event, `"event":"start",`, ``},
		{events, event, `"kind":"workflow"`, `"kind":"thread"`},
		{events, event, `"crc":"`, `"crc":"0`},
		{events, event, `"span":""`, `"span":"/"`},
		{events, event, `"level":"`, `"level":"LOUD`},
	}
	for _, tt := range tests {
		s := compile(t, tt.schema, false)
		require.NoError(t, validate(s, tt.text))
		assert.Error(t, validate(s, replace(t, tt.text, tt.old, tt.new)), "%q instead of %q", tt.new, tt.old)
	}
}

func TestEventsMayHaveFieldsAndTypesOfLaterVersions(t *testing.T) {
	open, strict := compile(t, events, false), compile(t, events, true)
	for _, later := range [][]byte{
		replace(t, rootStart(t), `"event":"start"`, `"event":"start","mood":"good"`),
		replace(t, rootStart(t), `"event":"start"`, `"event":"begin"`),
	} {
		assert.NoError(t, validate(open, later), "%s", later)
		assert.Error(t, validate(strict, later), "%s", later)
	}
}

func replace(t *testing.T, text []byte, old, new string) []byte {
	t.Helper()
	require.Contains(t, string(text), old)
	changed := bytes.Replace(text, []byte(old), []byte(new), 1)
	require.True(t, json.Valid(changed), "%s", changed)
	return changed
}
