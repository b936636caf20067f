package encode_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wfslog/wfslog/internal/encode"
)

const (
	secretText = "ghp_Q7Xb2LmP9aZk4RtY8vWc3NdF6hJs1GuE5oTi"
	masked     = `"[REDACTED]"`
)

func TestSecretsAreReplaced(t *testing.T) {
	l := encode.Limits{StringBytes: 256, LineBytes: 1 << 12}.WithDefaults()
	yes := true
	tests := []struct {
		name     string
		attrs    []any
		want     string
		redacted int
	}{
		{"string", []any{"k", "a " + secretText}, `{"k":"a [REDACTED]"}`, 1},
		{"two", []any{"k", secretText + "," + secretText}, `{"k":"[REDACTED],[REDACTED]"}`, 2},
		{"key", []any{secretText, 1}, `{` + masked + `:1}`, 1},
		{"equal keys", []any{secretText, 1, secretText, 2}, `{` + masked + `:2,"!DUP":{` + masked + `:[1]}}`, 2},
		{"telling key", []any{"api_key", "abc", "n", 1}, `{"api_key":` + masked + `,"n":1}`, 1},
		{"number", []any{"password", 1, "secret", 1.5}, `{"password":` + masked + `,"secret":` + masked + `}`, 2},
		{"kept", []any{"password", nil, "secret", true, "cookie", "", "pwd", &yes, "api_key", (*string)(nil)}, `{"password":null,"secret":true,"cookie":"","pwd":true,"api_key":null}`, 0},
		{"containers", []any{"credentials", map[string]int{"a": 1}, "cookies", []string{"a"}, "secret", struct{}{}}, `{"credentials":` + masked + `,"cookies":` + masked + `,"secret":` + masked + `}`, 3},
		{"group", []any{slog.Group("secret", "a", 1), slog.Group("g", "passwd", "x")}, `{"secret":` + masked + `,"g":{"passwd":` + masked + `}}`, 2},
		{"token", []any{"token", "abcdefghijklmnop", "Token", "the", "TOKEN", 5}, `{"token":` + masked + `,"Token":"the","TOKEN":5}`, 1},
		{"already", []any{"api_key", "[REDACTED]"}, `{"api_key":` + masked + `}`, 0},
		{"map", []any{"k", map[string]any{"apiKey": "x", secretText: []string{secretText}}}, `{"k":{"apiKey":` + masked + `,` + masked + `:[` + masked + `]}}`, 3},
		{"struct", []any{"k", struct {
			Password string
			A        any `json:"access_token"`
			N        int `json:"id_token,string"`
			Secret   bool
		}{"x", []int{1}, 2, true}}, `{"k":{"Password":` + masked + `,"access_token":` + masked + `,"id_token":` + masked + `,"Secret":true}}`, 3},
		{"header", []any{"k", http.Header{"Authorization": {"x"}, "Accept": {"y"}, "Token": {"abcdefghijklmnop"}}}, `{"k":{"Accept":["y"],"Authorization":` + masked + `,"Token":` + masked + `}}`, 2},
		{"JSON", []any{"k", json.RawMessage(`{"tools":[{"authorization" : {"a":1}},{"authorization":null,"password":false,"secret":-1,"cookie":["a"],"token":[1],"pwd":""}]}`)}, `{"k":{"tools":[{"authorization":` + masked + `},{"authorization":null,"password":false,"secret":` + masked + `,"cookie":` + masked + `,"token":[1],"pwd":""}]}}`, 3},
		{"no JSON", []any{"k", json.RawMessage(`{"password":}`)}, `{"k":"{\"password\":}"}`, 0},
		{"error", []any{"k", errors.Join(errors.New("a"), errors.New(secretText))}, `{"k":"a\n[REDACTED]"}`, 1},
		{"bytes", []any{"k", []byte("a " + secretText)}, `{"k":"` + base64.StdEncoding.EncodeToString([]byte("a [REDACTED]")) + `"}`, 1},
		{"other bytes", []any{"k", []byte("\xff" + secretText)}, `{"k":"` + base64.StdEncoding.EncodeToString([]byte("\xff"+secretText)) + `"}`, 0},
		{"not UTF-8", []any{"k", "\xff " + secretText}, `{"k":{"!B64":"` + base64.StdEncoding.EncodeToString([]byte("\xff [REDACTED]")) + `"}}`, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := encode.New(&l)
			defer e.Free()
			e.Redact = true
			e.Attrs(nil, slog.Group("", tt.attrs...).Value.Group())
			assert.Equal(t, tt.want, string(e.Buf))
			assert.Equal(t, tt.redacted, e.Redacted)
			assert.Equal(t, tt.redacted > 0 || strings.Contains(tt.want, "!CUT"), e.Hostile)
		})
	}
}

func TestNoHalfSecretIsLeftByACut(t *testing.T) {
	l := encode.Limits{StringBytes: 256, KeyBytes: 64, LineBytes: 2 << 10}.WithDefaults()
	for n := range 300 {
		text := strings.Repeat(" ", n) + secretText + strings.Repeat(" ", 300)
		e := encode.New(&l)
		e.Redact = true
		e.Text(text)
		e.Any(text)
		e.Key(text)
		e.Any([]byte(text))
		e.Any(json.RawMessage(`["` + text + strings.Repeat(`","x`, 1<<10) + `"]`))
		whole := encode.New(&limits)
		whole.Redact = true
		whole.Any(errors.New(text))
		whole.Any(panics(text))
		assert.NotContains(t, string(whole.Buf), secretText[:8], "after %d bytes", n)
		whole.Free()
		decoded, _ := base64.StdEncoding.DecodeString(string(e.Buf))
		assert.NotContains(t, string(e.Buf), secretText[:8], "after %d bytes", n)
		assert.NotContains(t, string(decoded), secretText[:8], "after %d bytes", n)
		assert.True(t, e.Hostile)
		e.Free()
	}
}

// panics panics with a text.
type panics string

func (p panics) MarshalText() ([]byte, error) { panic(string(p) + string(p)) }

func TestGroupsWithTellingNamesHideTheirMembers(t *testing.T) {
	with := func(s *encode.Scope, attrs ...slog.Attr) *encode.Scope {
		e := encode.New(&limits)
		defer e.Free()
		e.Redact = true
		return s.WithAttrs(e, attrs)
	}
	s := with(nil, slog.String("a", "b")).WithGroup("secret")
	s = with(s, slog.Int("n", 1)).WithGroup("g")
	e := encode.New(&limits)
	defer e.Free()
	e.Redact = true
	e.Attrs(s, []slog.Attr{slog.String("k", "v"), slog.Bool("b", true), slog.Group("h", "k", 1), slog.Group("", "i", 2)})
	assert.Equal(t, `{"a":"b","secret":{"n":"[REDACTED]","g":{"k":"[REDACTED]","b":true,"h":"[REDACTED]","i":"[REDACTED]"}}}`, string(e.Buf))
	assert.True(t, s.Hostile())
}
