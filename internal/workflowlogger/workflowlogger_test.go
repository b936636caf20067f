package workflowlogger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/workflowlogger"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// documents returns the documents of the root package's tests, and those of this
// package for what they lack.
func documents(t testing.TB) map[string][]byte {
	t.Helper()
	found := map[string][]byte{"nested": []byte(nested)}
	paths, err := filepath.Glob(filepath.Join("..", "..", "testdata", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		found[strings.TrimSuffix(filepath.Base(path), ".json")] = text
	}
	return found
}

// nested is a document with all that the format has no place for.
const nested = `{
  "format": "wfslog/1", "workflow": "nested", "run": "01935d2f8a007c118e5f102030405060", "started_at": "2026-11-22T06:14:05.25Z",
  "iterations": [
    {"span": "1", "number": 1, "status": "ok", "started_at": "2026-11-22T06:14:06Z", "ended_at": "2026-11-22T06:14:09.000001999Z", "metadata": {"wfslog": "mine"},
      "iterations": [{"span": "1/1", "number": 1, "status": "ok", "actions": [{"seq": 3, "name": "of no agent", "time": "2026-11-22T06:14:06.5Z"}]}],
      "workflows": [{"span": "1/2", "name": "part", "interactions": [{"span": "1/2/1", "agent": "elsewhere"}]}],
      "interactions": [
        {"span": "1/3", "agent": "a", "status": "ok", "input": {"q": 1}, "output": null, "metadata": {"z": 1, "wfslog": "mine", "a": 12345678901234567890},
          "iterations": [{"span": "1/3/1", "number": 1, "actions": [{"seq": 4, "name": "deep"}]}],
          "interactions": [{"span": "1/3/2", "agent": "b", "actions": [{"seq": 5, "name": "of b"}]}],
          "actions": [
            {"span": "1/3/3", "name": "outer", "started_at": "2026-11-22T06:14:07Z", "status": "open",
              "actions": [{"span": "1/3/3/1", "name": "inner", "started_at": "2026-11-22T06:14:07Z", "ended_at": "2026-11-22T06:14:08Z",
                "interactions": [{"span": "1/3/3/1/1", "agent": "c", "resources": [{"name": "index", "uri": "file:///i"}, {"name": "corpus"}]}],
                "logs": [{"seq": 6, "level": "INFO", "msg": "in inner"}]}]},
            {"seq": 7, "name": "last", "metadata": "no object"}
          ]
        },
        {"span": "1/@d", "agent": "d", "status": "ok",
          "actions": [{"seq": 8, "name": "of d", "time": "2026-11-22T06:14:08Z"}],
          "logs": [{"seq": 9, "time": "2026-11-22T06:14:07.5Z", "level": "ERROR", "msg": "failed", "attrs": {"tool": "grep", "message": "mine", "wfslog": 1, "error": "none"}}]
        }
      ]
    },
    {"span": "2", "number": 2, "status": "done by hand"}
  ],
  "workflows": [{"span": "3~aaaaaaaa", "name": "worker", "iterations": [{"span": "3~aaaaaaaa/1", "number": 1, "status": "open", "actions": [{"seq": 10, "name": "far"}]}],
    "interactions": [{"span": "3~aaaaaaaa/2", "agent": "remote"}]}],
  "interactions": [{"span": "4", "agent": "direct", "status": "interrupted", "started_at": "2026-11-22T06:14:10Z"}],
  "actions": [{"seq": 11, "name": "of the run", "time": "2026-11-22T06:14:11Z"}, null],
  "logs": [{"seq": 12, "level": "INFO", "msg": "of the run"}],
  "status": "open", "metadata": {"model_config": {"model": "m1"}, "by": "hand \u001b[2J\u202e<b>"}, "resources": [{"name": "corpus", "uri": "file:///c"}],
  "errors": [
    {"span": "1/@d", "seq": 9, "time": "2026-11-22T06:14:07.5Z", "level": "ERROR", "msg": "failed", "error": "none"},
    {"span": "1/3", "time": "2026-11-22T06:14:09Z", "level": "ERROR", "error": "exit status 1"},
    {"span": "1/3", "seq": 7, "level": "INFO", "msg": "tried", "error": "no luck"}
  ],
  "errors_total": 104, "complete": false,
  "integrity": {"events": 40, "missing": 1, "lost": 0, "damaged": 0, "conflicts": 0, "late": 0, "streams": ["1f86d081884c7d65"]}
}`

func parse(t testing.TB, text []byte) *wfslog.Document {
	t.Helper()
	var doc wfslog.Document
	require.NoError(t, json.Unmarshal(text, &doc))
	return &doc
}

func TestWrite(t *testing.T) {
	for name, text := range documents(t) {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			notes, err := workflowlogger.Write(&got, parse(t, text))
			require.NoError(t, err)
			for _, golden := range []struct{ path, got string }{
				{name + ".json", got.String()},
				{name + ".notes", strings.Join(append(notes, ""), "\n")},
			} {
				path := filepath.Join("testdata", golden.path)
				if *update {
					require.NoError(t, os.WriteFile(path, []byte(golden.got), 0o644))
				}
				want, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, string(want), golden.got)
			}
		})
	}
}

// TestNothingIsLost looks for each value of a document in what is written of it.
func TestNothingIsLost(t *testing.T) {
	for name, text := range documents(t) {
		t.Run(name, func(t *testing.T) {
			doc := parse(t, text)
			for _, e := range doc.Errors {
				e.Time = time.Time{} // cut to microseconds
			}
			text, err := json.Marshal(doc)
			require.NoError(t, err)
			var got bytes.Buffer
			_, err = workflowlogger.Write(&got, doc)
			require.NoError(t, err)
			written := scalars(t, got.Bytes())
			for value, n := range scalars(t, text) {
				assert.GreaterOrEqual(t, written[value], n, "times that %s is written", value)
			}
		})
	}
}

// scalars counts the strings, numbers and booleans in text.
func scalars(t *testing.T, text []byte) map[string]int {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	require.NoError(t, d.Decode(&value))
	found := map[string]int{}
	var count func(value any)
	count = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for _, v := range value {
				count(v)
			}
		case []any:
			for _, v := range value {
				count(v)
			}
		case nil: // absent in one is null in the other
		default:
			found[fmt.Sprintf("%T %v", value, value)]++
		}
	}
	count(value)
	return found
}

func TestTimesAreThoseOfPython(t *testing.T) {
	tests := []struct{ name, start, want string }{
		{"microseconds", "2026-11-22T06:14:05.123456Z", `"2026-11-22T06:14:05.123456+00:00"`},
		{"few digits", "2026-11-22T06:14:05.5Z", `"2026-11-22T06:14:05.500000+00:00"`},
		{"no microseconds", "2026-11-22T06:14:05.000000999Z", `"2026-11-22T06:14:05+00:00"`},
		{"nanoseconds are cut", "2026-11-22T06:14:05.123456999Z", `"2026-11-22T06:14:05.123456+00:00"`},
		{"another zone", "2026-11-22T06:14:05+02:00", `"2026-11-22T04:14:05+00:00"`},
		{"no start, so that of the id", "0001-01-01T00:00:00Z", `"2024-11-24T08:00:16.896000+00:00"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := parse(t, fmt.Appendf(nil, `{"run": "01935d2f8a007c118e5f102030405060", "started_at": %q}`, tt.start))
			var b bytes.Buffer
			_, err := workflowlogger.Write(&b, doc)
			require.NoError(t, err)
			var got struct {
				Metadata struct {
					StartTime json.RawMessage `json:"start_time"`
					EndTime   json.RawMessage `json:"end_time"`
				}
			}
			require.NoError(t, json.Unmarshal(b.Bytes(), &got))
			assert.Equal(t, tt.want, string(got.Metadata.StartTime))
			assert.Equal(t, "null", string(got.Metadata.EndTime))
		})
	}
}

func TestModelConfigIsAnObjectOrStaysMetadata(t *testing.T) {
	tests := []struct{ metadata, config, additional string }{
		{`{"model_config": {"model": "m1"}, "a": 1}`, `{"model":"m1"}`, `{"a":1}`},
		{`{"model_config": "m1"}`, `null`, `{"model_config":"m1"}`},
		{`{"a": 1}`, `null`, `{"a":1}`},
	}
	for _, tt := range tests {
		var b bytes.Buffer
		_, err := workflowlogger.Write(&b, parse(t, fmt.Appendf(nil, `{"metadata": %s}`, tt.metadata)))
		require.NoError(t, err)
		var got struct {
			Metadata struct {
				Config     json.RawMessage            `json:"model_config"`
				Additional map[string]json.RawMessage `json:"additional_metadata"`
			}
		}
		require.NoError(t, json.Unmarshal(b.Bytes(), &got))
		delete(got.Metadata.Additional, "wfslog")
		additional, err := json.Marshal(got.Metadata.Additional)
		require.NoError(t, err)
		assert.JSONEq(t, tt.config, string(got.Metadata.Config), tt.metadata)
		assert.Equal(t, tt.additional, string(additional), tt.metadata)
	}
}

// TestHostileDocumentsStaySmall writes documents that repeat or indent what is large.
func TestHostileDocumentsStaySmall(t *testing.T) {
	const size = 1000
	large := strings.Repeat("x", size)
	many := func(n int, text string) string { return strings.Repeat(text+",", n-1) + text }
	tests := []struct{ name, doc string }{
		{"depth", `{"metadata": {"a": ` + strings.Repeat("[", size) + many(size, "1") + strings.Repeat("]", size) + `}}`},
		{"long path", `{"actions": [{"span": "` + strings.Repeat(large, 100) + `", "actions": [` + many(size, `{"name": "a"}`) + `]}]}`},
		{"errors of one record", `{"logs": [{"seq": 1, "attrs": {"a": "` + strings.Repeat(large, 100) + `"}}], "errors": [` + many(size, `{"seq": 1}`) + `]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got bytes.Buffer
			_, err := workflowlogger.Write(&got, parse(t, []byte(tt.doc)))
			require.NoError(t, err)
			assert.Less(t, got.Len(), 100*len(tt.doc)) // all would be far longer, but for bounds
		})
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteReturnsTheErrorOfTheWriter(t *testing.T) {
	_, err := workflowlogger.Write(fullDisk{}, parse(t, []byte(nested)))
	require.EqualError(t, err, "disk full")
}

// FuzzWrite writes documents that no handler has made: what is written is JSON, and
// nothing in it is more than text to a terminal.
func FuzzWrite(f *testing.F) {
	for _, text := range documents(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var doc wfslog.Document
		if json.Unmarshal(text, &doc) != nil {
			return
		}
		var got bytes.Buffer
		_, err := workflowlogger.Write(&got, &doc)
		require.NoError(t, err)
		require.True(t, json.Valid(got.Bytes()), "not JSON: %s", &got)
		for _, r := range got.String() {
			if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == '\u202e' {
				t.Fatalf("%U in %q", r, &got)
			}
		}
	})
}
