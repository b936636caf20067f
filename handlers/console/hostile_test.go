package console_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/handlers/console"
	"github.com/wfslog/wfslog/internal/hostiletest"
)

// payloads are those of all outputs, and what tint brings to life: text that only
// looks like an escape sequence.
var payloads = append(slices.Clone(hostiletest.Payloads), hostiletest.Payload{Name: "escaped escape", Text: `a \x1b[2J b`})

type stringer string

func (s stringer) String() string { return string(s) }

type valuer string

func (v valuer) LogValue() slog.Value { return slog.StringValue(string(v)) }

type jsonText string

func (j jsonText) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", string(j)), nil }

func TestNothingHostileReachesTheWriter(t *testing.T) {
	places := []struct {
		name string
		log  func(l *slog.Logger, text string)
	}{
		{"message", func(l *slog.Logger, text string) { l.Info(text) }},
		{"string", func(l *slog.Logger, text string) { l.Info("m", "k", text) }},
		{"key", func(l *slog.Logger, text string) { l.Info("m", text, 1) }},
		{"error", func(l *slog.Logger, text string) { l.Info("m", "k", errors.New(text)) }},
		{"Stringer", func(l *slog.Logger, text string) { l.Info("m", "k", stringer(text)) }},
		{"LogValuer", func(l *slog.Logger, text string) { l.Info("m", "k", valuer(text)) }},
		{"struct", func(l *slog.Logger, text string) { l.Info("m", "k", point{Name: text}) }},
		{"bytes", func(l *slog.Logger, text string) { l.Info("m", "k", []byte(text)) }},
		{"group name", func(l *slog.Logger, text string) { l.Info("m", slog.Group(text, "k", "v")) }},
		{"slice", func(l *slog.Logger, text string) { l.Info("m", "k", []string{text, "b"}) }},
		{"map", func(l *slog.Logger, text string) { l.Info("m", "k", map[string]any{text: text}) }},
		{"own JSON", func(l *slog.Logger, text string) { l.Info("m", "k", jsonText(text)) }},
		{"panic", func(l *slog.Logger, text string) { l.Info("m", "k", panicker(text)) }},
		{"With", func(l *slog.Logger, text string) { l.With("k", text).WithGroup(text).Info("m", "k", 1) }},
		{"logger", func(l *slog.Logger, text string) { l.Info("m", "logger", text) }},
		{"span", func(l *slog.Logger, text string) {
			l.Info("m", wf("span", text, "event", "end", "status", text, "error", text))
		}},
		{"span name", func(l *slog.Logger, text string) {
			l.Info("action "+text+" started", wf("span", "1", "event", "start", "name", text, "kind", text, "agent", text))
		}},
		{"long", func(l *slog.Logger, text string) { l.Info("m", "k", strings.Repeat("long ", 50)+text) }},
		{"lines", func(l *slog.Logger, text string) { l.Info("m\n"+text, text, "a\n"+text+"\nb", "error", "a\n"+text) }},
		{"tokens", func(l *slog.Logger, text string) {
			l.Info("m", slog.Group("usage", text, 1), "cost_usd", text, "action", text, "model", text)
		}},
	}
	for _, payload := range payloads {
		for _, place := range places {
			for _, looks := range []console.Looks{{}, {Color: true}, {Terminal: true, Columns: 100}, {Terminal: true, Color: true, Columns: 60}} {
				t.Run(fmt.Sprintf("%s/%s/%+v", payload.Name, place.name, looks), func(t *testing.T) {
					var buf bytes.Buffer
					place.log(slog.New(console.NewLooking(&buf, console.Options{}, looks)), payload.Text)
					got, ok := strings.CutSuffix(withoutOwnColors(buf.String()), "\n")
					require.True(t, ok, "no line end in %q", got)
					require.True(t, utf8.ValidString(got), "invalid UTF-8 in %q", got)
					if looks.Terminal { // may have more lines, but they are seen to be no records
						got = strings.ReplaceAll(got, "\n    ", "")
					}
					for _, r := range got {
						assert.False(t, unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp),
							"%U reached the writer in %q", r, got)
					}
				})
			}
		}
	}
}

type panicker string

func (p panicker) String() string { panic(string(p)) }

// withoutOwnColors removes the escape sequences that the handler itself writes,
// none of which is in a payload.
func withoutOwnColors(s string) string {
	for _, own := range []string{"0", "2", "31", "32", "33", "1;91", "36", "35", "94", "95", "1;34"} {
		s = strings.ReplaceAll(s, "\x1b["+own+"m", "")
	}
	return s
}
