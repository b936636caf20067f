package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/wfslog/wfslog"
)

// record is a log call that is measured, as a program writes it: with its
// attributes in place.
type record struct {
	name string
	what string
	log  func(ctx context.Context, log *slog.Logger)
}

var records = []record{
	{"five", "five attributes, as many as a slog.Record holds by itself", logFive},
	{"six", "six attributes, one of them a group of three", logSix},
	{"large", "five attributes, among them a prompt of 8 kB and an answer of 2 kB", logLarge},
}

func logFive(ctx context.Context, log *slog.Logger) {
	log.LogAttrs(ctx, slog.LevelInfo, "asked the model",
		slog.String("model", "m1-large"), slog.Int("in", 1200), slog.Int("out", 85),
		slog.Duration("took", 812*time.Millisecond), slog.String("status", "ok"))
}

func logSix(ctx context.Context, log *slog.Logger) {
	log.LogAttrs(ctx, slog.LevelInfo, "asked the model",
		slog.String("model", "m1-large"), slog.Int("in", 1200), slog.Int("out", 85),
		slog.Duration("took", 812*time.Millisecond), slog.String("status", "ok"),
		slog.GroupAttrs("request", slog.String("id", "r-81f3"), slog.Int("attempt", 2), slog.Bool("cached", false)))
}

func logLarge(ctx context.Context, log *slog.Logger) {
	log.LogAttrs(ctx, slog.LevelInfo, "asked the model",
		wfslog.Action("llm_call"), wfslog.Model("m1-large"), wfslog.Input(prompt), wfslog.Output(answer), slog.Int("out", 85))
}

// logHostile is what a model, or whoever talks to it, may make a program log. NaN,
// which slog.JSONHandler writes as a string, is not in it.
func logHostile(ctx context.Context, log *slog.Logger) {
	log.LogAttrs(ctx, slog.LevelInfo, "a \"message\"\nof two lines \x1b[31m",
		slog.String("escape", "\x1b[2J"), slog.String("nul", "a\x00b"), slog.String("bad", "before\xffafter"),
		slog.String("a \"key\"", "v"), slog.GroupAttrs("g", slog.String("\x01", "\u2028"), slog.Any("nil", nil)))
}

// text is 8 KiB that is hard on an encoder in its own way.
type text struct{ name, s string }

const textBytes = 8 << 10

// question and reply have a quotation mark or a line break every 30 bytes or so.
const (
	question = "Explain what \"this\" does, step by step and in short sentences,\nand name the file it does it in. "
	reply    = "It reads \"a.go\", as the flag says, and prints the first line of it,\nwhich says so. "
)

var (
	prompt = fill(question, textBytes)
	answer = fill(reply, textBytes/4)

	texts = []text{
		{"prose", fill("The quick brown fox jumps over the lazy dog, and the dog, for once, does not mind it at all. ", textBytes)},
		{"code", fill("if found[\"alpha\"] {\n\treturn lookup(\"beta\", i)\n}\nreturn default(index)\n", textBytes)},
		{"prompt", prompt},
		{"cjk", fill("大規模言語モデルに作業の手順を説明し、結果を確認する。한국어문장도있다。", textBytes)},
	}
)

// fill repeats s to about n bytes.
func fill(s string, n int) string { return strings.Repeat(s, n/len(s)) }

// ready returns the record that log makes, for handlers that are measured alone.
func ready(log func(ctx context.Context, log *slog.Logger)) slog.Record {
	var c catcher
	log(context.Background(), slog.New(&c))
	return c.r
}

// catcher keeps the last record.
type catcher struct{ r slog.Record }

func (*catcher) Enabled(context.Context, slog.Level) bool { return true }

func (c *catcher) Handle(_ context.Context, r slog.Record) error {
	c.r = r.Clone()
	return nil
}

func (c *catcher) WithAttrs([]slog.Attr) slog.Handler { return c }

func (c *catcher) WithGroup(string) slog.Handler { return c }
