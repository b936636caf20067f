package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"unicode/utf8"

	"github.com/wfslog/wfslog"
)

// outputCheck says whether what a handler writes is what it should be.
type outputCheck struct {
	Name     string
	What     string
	Ordinary string // of the records that are measured
	Hostile  string // of what somebody may make a program log
}

// checkOutputs looks at the lines that all handlers write. wfslog's must be valid.
func checkOutputs(b *bench) error {
	if !b.run.MatchString("validity") {
		return nil
	}
	var lines bytes.Buffer
	r := newRecorder(wfslog.Options{Sink: nopCloser{&lines}})
	check := func(ctx context.Context, log *slog.Logger, name, what string, isJSON bool) outputCheck {
		c := outputCheck{Name: name, What: what}
		lines.Reset()
		for _, rec := range records {
			rec.log(ctx, log)
		}
		c.Ordinary = verdict(lines.Bytes(), isJSON)
		lines.Reset()
		logHostile(ctx, log)
		logHostile(ctx, log.With("a \"key\"", "v").WithGroup("g"))
		log.WithGroup("g").LogAttrs(ctx, slog.LevelInfo, "nothing in it")
		log.WithGroup("g").LogAttrs(ctx, slog.LevelInfo, "and then", slog.Int("n", 1))
		c.Hostile = verdict(lines.Bytes(), isJSON)
		return c
	}
	own := check(r.span, r.agent, nameWfslog, "", true)
	if err := r.Close(); err != nil {
		return err
	}
	if own.Ordinary != valid || own.Hostile != valid {
		return errors.New("wfslog's own lines: " + own.Ordinary + ", " + own.Hostile)
	}
	b.outputs = append(b.outputs, own)
	for _, p := range peers {
		b.outputs = append(b.outputs, check(context.Background(), slog.New(p.new(&lines)), p.name, p.what, p.json))
	}
	return nil
}

const valid = "valid JSON"

// verdict says what is wrong with lines.
func verdict(lines []byte, isJSON bool) string {
	if !isJSON {
		if bytes.ContainsRune(lines, '\x1b') {
			return "text, with raw escape sequences"
		}
		return "text"
	}
	bad, n := 0, 0
	for line := range bytes.Lines(lines) {
		n++
		if !json.Valid(line) || !utf8.Valid(line) {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Sprintf("**invalid**: %d of %d lines", bad, n)
	}
	return valid
}

// nopCloser is a sink in memory.
type nopCloser struct{ *bytes.Buffer }

func (nopCloser) Close() error { return nil }
