package redact_test

import (
	"strings"
	"testing"

	"github.com/wfslog/wfslog/internal/redact"
)

const benchSize = 8 << 10

// texts are the kinds of text that agents send and get, none with a secret.
var texts = map[string]string{
	"prose":  "When the model was asked for an explanation, it described the whole architecture of the application in considerable detail. ",
	"prompt": "Explain what \"this\" does, step by step,\nand name the file. ",
	"code": "func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {\n\tif h == nil || len(attrs) == 0 {\n\t\treturn h\n\t}\n" +
		"\tattrs = h.core.evaluate(h.scope.Groups(), attrs)\n\th2 := *h // safe: all mutable state is behind h.core\n",
	"json":     `{"role":"assistant","content":[{"type":"text","text":"The file has three functions."}],"usage":{"input_tokens":12,"output_tokens":34}},`,
	"markdown": "## Results\n\n| name | value |\n|------|-------|\n| a | https://example.org/x?page=2 |\n\n- `go test ./...` **passes**\n",
	"CJK":      "这是一个很长的中文句子，里面没有任何秘密，只有普通的文字。",
	"base64":   "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg",
	"paths":    "internal/encode/very_long_file_name_test.go:120: github.com/wfslog/wfslog/internal/encode.TestSomethingWithAVeryLongName\n",
}

func BenchmarkText(b *testing.B) {
	for name, text := range texts {
		text = strings.Repeat(text, benchSize/len(text)+1)[:benchSize]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			for b.Loop() {
				if _, n := redact.Text(text); n > 0 {
					b.Fatal("found a secret")
				}
			}
		})
	}
}

// BenchmarkTextHostile measures 1 MB of what is made to be looked at again and again.
func BenchmarkTextHostile(b *testing.B) {
	parts := map[string]string{
		"base64url": random + "-", "dashes": "-", "sk-": "sk-", "password:": "password:", "cookie:": "cookie: ", "?key=": "?key=",
		"eyJ": "eyJaaaaaaaaaaaaaaaaa.", "-eyJ": "-eyJaaaaaaaaaaaaaaaaa", "://": "://", "://a:": "://a:", "PEM": "-----BEGIN PRIVATE KEY-----",
		"JSON": `"password":"`, "JSON2": `\"password\":\"`, "JSON3": `"password":'`, "Bearer": "Bearer ", "lsv2": "lsv2_pt_" + hex32 + "-sk-", "pwd=": "password=",
		"quotes": `"token":"\`, "digest": "authorization: digest ", "pem lines": "-----BEGIN PRIVATE KEY-----\n-----END ",
	}
	for name, part := range parts {
		for size, n := range map[string]int{"1MB": 1 << 20, "2MB": 2 << 20} {
			text := strings.Repeat(part, n/len(part))
			b.Run(name+"/"+size, func(b *testing.B) {
				for b.Loop() {
					redact.Text(text)
				}
			})
		}
	}
}

func BenchmarkKey(b *testing.B) {
	for _, key := range []string{"model", "in", "action", "status", "input_tokens", "authorization", "x-api-key"} {
		b.Run(key, func(b *testing.B) {
			for b.Loop() {
				redact.Key(key)
			}
		})
	}
}
