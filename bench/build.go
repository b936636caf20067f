package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/wfslog/wfslog"
)

// measureBuild measures the memory of the command that builds the document of a big
// journal: with -full, one of 2 GB and a million spans. It is the real command, in a
// process of its own.
func measureBuild(b *bench) error {
	g := b.group("build memory", "MB")
	if g == nil || b.quick {
		return nil
	}
	program := filepath.Join(b.temp, "wfslog")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/wfslog/wfslog/cmd/wfslog").CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	dir, err := os.MkdirTemp(b.temp, "build")
	if err != nil {
		return err
	}
	// As much text in each action as makes 2 kB for each span.
	text := fill(question, 1300)
	w, err := writeJournal(dir, b.journal, func(ctx context.Context, r *recorder) {
		r.agent.InfoContext(ctx, "asked the model", wfslog.Input(text), wfslog.Output(text))
	})
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "build", dir, "--out", filepath.Join(b.temp, "documents"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	g.add(nameBuild, peakMemory(cmd.ProcessState)/1e6)
	g.side(nameBuild).note = fmt.Sprintf("of a journal of %s MB, %s events and %s spans",
		number(float64(w.bytes)/1e6), thousands(float64(w.events)), thousands(float64(w.spans)))
	return errors.Join(os.RemoveAll(dir), os.RemoveAll(filepath.Join(b.temp, "documents")))
}
