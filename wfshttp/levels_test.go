package wfshttp_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/wfshttp"
)

func parseLevels(t *testing.T, text string) *wfslog.Levels {
	t.Helper()
	lv, err := wfslog.ParseLevels(text)
	require.NoError(t, err)
	return lv
}

// serve returns what h answers.
func serve(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

func TestLevelsAreShownAndChanged(t *testing.T) {
	tests := []struct {
		name, levels, method, target, body string

		want string
	}{
		{
			"nothing is set", "", "GET", "/", "",
			`{"configured":{},"effective":{"":"INFO"}}`,
		},
		{
			"all levels that are set", "error,workflow=trace,workflow.a=critical", "GET", "/", "",
			`{"configured":{"":"ERROR","workflow":"TRACE","workflow.a":"CRITICAL"},"effective":{"":"ERROR","workflow":"TRACE","workflow.a":"CRITICAL"}}`,
		},
		{
			"loggers that are asked for", "workflow.a=debug+1", "GET", "/?logger=workflow.a.tools&logger=workflow.a2", "",
			`{"configured":{"workflow.a":"DEBUG+1"},"effective":{"":"INFO","workflow.a":"DEBUG+1","workflow.a.tools":"DEBUG+1","workflow.a2":"INFO"}}`,
		},
		{
			"set", "warn", "PUT", "/", `{"logger":"workflow.a","level":"debug"}`,
			`{"configured":{"":"WARN","workflow.a":"DEBUG"},"effective":{"":"WARN","workflow.a":"DEBUG"}}`,
		},
		{
			"set all", "", "PUT", "/", ` { "level" : " Critical-1 ", "logger" : "" } ` + "\n",
			`{"configured":{"":"ERROR+3"},"effective":{"":"ERROR+3"}}`,
		},
		{
			"change", "workflow.a=debug", "PUT", "/", `{"logger":"workflow.a","level":"TRACE"}`,
			`{"configured":{"workflow.a":"TRACE"},"effective":{"":"INFO","workflow.a":"TRACE"}}`,
		},
		{
			"unset", "workflow=warn,workflow.a=debug", "PUT", "/", `{"logger":"workflow.a","level":null}`,
			`{"configured":{"workflow":"WARN"},"effective":{"":"INFO","workflow":"WARN","workflow.a":"WARN"}}`,
		},
		{
			"unset what is not set", "", "PUT", "/", `{"logger":"workflow.a","level":null}`,
			`{"configured":{},"effective":{"":"INFO","workflow.a":"INFO"}}`,
		},
		{
			"agents", "b=warn", "PUT", "/?logger=a.tools", `{"logger":"a","level":"debug"}`,
			`{"configured":{"workflow.a":"DEBUG","workflow.b":"WARN"},"effective":{"":"INFO","workflow.a":"DEBUG","workflow.a.tools":"DEBUG","workflow.b":"WARN"}}`,
		},
		{
			"unset an agent", "workflow.a=warn", "PUT", "/", `{"logger":"a","level":null}`,
			`{"configured":{},"effective":{"":"INFO","workflow.a":"INFO"}}`,
		},
		{
			"4 KiB", "", "PUT", "/", fmt.Sprintf("%4096s", `{"logger":"workflow.a","level":"debug"}`),
			`{"configured":{"workflow.a":"DEBUG"},"effective":{"":"INFO","workflow.a":"DEBUG"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(wfshttp.Levels(parseLevels(t, tt.levels)), tt.method, tt.target, tt.body)
			assert.Equal(t, http.StatusOK, w.Code)
			assert.Equal(t, tt.want+"\n", w.Body.String())
			assert.Equal(t, http.Header{
				"Content-Type": {"application/json"}, "X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"no-store"},
			}, w.Header())
		})
	}
}

func TestLevelsRefuse(t *testing.T) {
	const example = `want {"logger":"workflow.agent1","level":"debug"}: `
	tests := []struct {
		name, method, body string

		status int
		want   string
	}{
		{"no body", "PUT", "", 400, example + "EOF"},
		{"half an object", "PUT", `{"logger":"workflow.a"`, 400, example + "unexpected EOF"},
		{"no JSON", "PUT", "logger=workflow.a&level=debug", 400, example + "invalid character 'l' looking for beginning of value"},
		{"no object", "PUT", `["workflow.a","debug"]`, 400, example + "array is in the wrong place"},
		{"another field", "PUT", `{"logger":"workflow.a","level":"debug","for":"1h"}`, 400, example + `json: unknown field "for"`},
		{"two objects", "PUT", `{"logger":"workflow.a","level":"debug"}{"logger":"workflow.b","level":"debug"}`, 400, "something stands behind the JSON object"},
		{"something else behind it", "PUT", `{"logger":"workflow.a","level":"debug"} x`, 400, "something stands behind the JSON object"},
		{"no logger", "PUT", `{"level":"debug"}`, 400, `"logger" is missing; "" stands for all loggers`},
		{"null as logger", "PUT", `{"logger":null,"level":"debug"}`, 400, `"logger" is missing; "" stands for all loggers`},
		{"null", "PUT", "null", 400, `"logger" is missing; "" stands for all loggers`},
		{"a number as logger", "PUT", `{"logger":1,"level":"debug"}`, 400, example + "number is in the wrong place"},
		{"spaces around the logger", "PUT", `{"logger":"a ","level":"debug"}`, 400, `wfslog: logger name "a ": names have no spaces and none of , ; =`},
		{"an assignment", "PUT", `{"logger":"a=debug","level":"debug"}`, 400, `wfslog: logger name "a=debug": names have no spaces and none of , ; =`},
		{"an empty segment", "PUT", `{"logger":"a..b","level":"debug"}`, 400, `wfslog: logger name "a..b": a segment of the name is empty`},
		{"an empty segment at the end", "PUT", `{"logger":"a.","level":"debug"}`, 400, `wfslog: logger name "a.": a segment of the name is empty`},
		{"a wrong name to unset", "PUT", `{"logger":"workflow.","level":null}`, 400, `wfslog: logger name "workflow.": a segment of the name is empty`},
		{"no level", "PUT", `{"logger":"workflow.a"}`, 400, `"level" is missing; null removes the level of the logger`},
		{"a number as level", "PUT", `{"logger":"workflow.a","level":-4}`, 400, "level -4 is neither a string nor null"},
		{"an unknown level", "PUT", `{"logger":"workflow.a","level":"loud"}`, 400, `wfslog: level "loud": want trace, debug, info, warn, error or critical`},
		{"an empty level", "PUT", `{"logger":"workflow.a","level":""}`, 400, `wfslog: level "": want trace, debug, info, warn, error or critical`},
		{"more than 4 KiB", "PUT", fmt.Sprintf("%4097s", `{"logger":"workflow.a","level":"debug"}`), 400, "the body has more than 4096 bytes"},
		{"more than 4 KiB with spaces behind", "PUT", fmt.Sprintf("%-4097s", `{"logger":"workflow.a","level":"debug"}`), 400, "the body has more than 4096 bytes"},
		{"POST", "POST", `{"logger":"workflow.a","level":"debug"}`, 405, "want GET or PUT"},
		{"PATCH", "PATCH", `{"logger":"workflow.a","level":"debug"}`, 405, "want GET or PUT"},
		{"DELETE", "DELETE", "", 405, "want GET or PUT"},
		{"OPTIONS", "OPTIONS", "", 405, "want GET or PUT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lv := parseLevels(t, "workflow=warn")
			before := lv.Configured()
			w := serve(wfshttp.Levels(lv), tt.method, "/", tt.body)
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.want+"\n", w.Body.String())
			assert.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
			if tt.status == http.StatusMethodNotAllowed {
				assert.Equal(t, "GET, HEAD, PUT", w.Header().Get("Allow"))
			}
			assert.Equal(t, before, lv.Configured(), "nothing has changed")
		})
	}
}

func TestLevelsRefuseToShowWhatCannotBe(t *testing.T) {
	lv := parseLevels(t, "")
	for _, method := range []string{"GET", "PUT"} {
		w := serve(wfshttp.Levels(lv), method, "/?logger=workflow.a&logger=a..b", `{"logger":"workflow.a","level":"debug"}`)
		assert.Equal(t, http.StatusBadRequest, w.Code)
		assert.Equal(t, `wfslog: logger name "a..b": a segment of the name is empty`+"\n", w.Body.String())
	}
	assert.Empty(t, lv.Configured(), "nothing has changed")
}

// TestLevelsOverHTTP has a server and a client between the handler and the test.
func TestLevelsOverHTTP(t *testing.T) {
	lv := parseLevels(t, "workflow=warn")
	server := httptest.NewServer(wfshttp.Levels(lv))
	defer server.Close()
	do := func(method string, body io.Reader) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL, body)
		require.NoError(t, err)
		reply, err := server.Client().Do(r)
		require.NoError(t, err)
		defer func() { assert.NoError(t, reply.Body.Close()) }()
		text, err := io.ReadAll(reply.Body)
		require.NoError(t, err)
		return reply, string(text)
	}
	head, text := do(http.MethodHead, nil)
	assert.Equal(t, http.StatusOK, head.StatusCode)
	assert.Empty(t, text)

	// A body whose length the client does not say.
	reply, text := do(http.MethodPut, io.MultiReader(strings.NewReader(strings.Repeat(" ", 1<<20))))
	assert.Equal(t, http.StatusBadRequest, reply.StatusCode)
	assert.Equal(t, "the body has more than 4096 bytes\n", text)

	_, text = do(http.MethodPut, strings.NewReader(`{"logger":"workflow","level":null}`))
	assert.Equal(t, `{"configured":{},"effective":{"":"INFO","workflow":"INFO"}}`+"\n", text)
	assert.Empty(t, lv.Configured())
}

func TestLevelsOfNilPanics(t *testing.T) {
	assert.PanicsWithValue(t, "wfshttp: Levels needs the *wfslog.Levels that a wfslog.Handler uses; it is nil", func() { wfshttp.Levels(nil) })
}

// TestLevelsConcurrentSafe changes levels while loggers use them.
func TestLevelsConcurrentSafe(t *testing.T) {
	lv := parseLevels(t, "error")
	h := wfslog.NewHandler(&wfslog.Options{Level: lv, JournalLevel: lv, Next: slog.DiscardHandler, Sink: wfslog.NewTreeBuilder(nil)})
	defer func() { assert.NoError(t, h.Close()) }()
	endpoint := wfshttp.Levels(lv)
	var wg sync.WaitGroup
	for g := range 4 {
		name := fmt.Sprintf("workflow.agent%d", g)
		log := slog.New(h).WithGroup(name)
		wg.Go(func() {
			for range 500 {
				log.Debug("m")
			}
		})
		wg.Go(func() {
			for range 50 {
				for _, level := range []string{`"debug"`, `"warn"`, "null"} {
					w := serve(endpoint, http.MethodPut, "/", `{"logger":"`+name+`","level":`+level+`}`)
					assert.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
				}
				assert.Equal(t, http.StatusOK, serve(endpoint, http.MethodGet, "/?logger="+name, "").Code)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, map[string]slog.Level{"": slog.LevelError}, lv.Configured())
}
