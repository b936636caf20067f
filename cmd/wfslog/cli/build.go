package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/gone"
	"github.com/wfslog/wfslog/internal/termtext"
)

// buildCommand is what the flags of build say.
type buildCommand struct {
	*app
	out    string // directory; "" for standard output
	stdout bool
	flat   bool
	json   bool
}

func (a *app) newBuild() *cobra.Command {
	b := buildCommand{app: a}
	cmd := &cobra.Command{
		Use:   "build [DIR|FILE…|-]",
		Short: "Build the documents of all runs from their journals",
		Long: "Build folds journals into documents. For a directory they are written into it,\n" +
			"where the handler would have written them, unless they are there already, or\n" +
			"hold more than is left of the journal; for files and standard input they go to\n" +
			"standard output. If a program that wrote into a directory is surely dead, the\n" +
			"journal gets an event that says so: what it had not ended counts as interrupted.\n\n" + inputHelp,
		Example: "  wfslog build logs\n  cat *.jsonl | wfslog build - --out documents",
		RunE:    func(cmd *cobra.Command, args []string) error { return b.run(cmd.Context(), args) },
	}
	cmd.Flags().StringVar(&b.out, "out", "", "write the documents into directory `DIR`")
	cmd.Flags().BoolVar(&b.stdout, "stdout", false, "write the documents to standard output, one after the other")
	cmd.Flags().BoolVar(&b.flat, "flat", false, "write a line for each node instead of nested documents")
	cmd.Flags().BoolVar(&b.json, "json", false, "tell in lines of JSON what was written")
	return cmd
}

func (b buildCommand) run(ctx context.Context, args []string) error {
	if b.out != "" && b.stdout {
		return usageError{errors.New("--out and --stdout exclude each other")}
	}
	if b.json && b.stdout {
		return usageError{errors.New("--json and --stdout exclude each other: the documents are JSON")}
	}
	if b.out != "" || b.stdout {
		return b.build(ctx, parsePaths(args))
	}
	// Each directory gets the documents of its own journals.
	var streams []string
	var failed error
	for _, arg := range parsePaths(args).inputs {
		info, err := os.Stat(arg)
		if arg == "-" || err == nil && !info.IsDir() {
			streams = append(streams, arg)
			continue
		}
		of := b
		of.out = documentDir(arg)
		if err := gone.Record(of.out); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
		failed = errors.Join(failed, of.build(ctx, target{inputs: []string{arg}, named: len(args) > 0}))
	}
	if len(streams) > 0 {
		if b.json {
			return errors.Join(failed, usageError{errors.New("--json tells what was written into a directory: name one with --out")})
		}
		failed = errors.Join(failed, b.build(ctx, target{inputs: streams, named: true}))
	}
	return failed
}

// documentDir returns the directory for the documents of the journal in dir, which
// may be the journal's own.
func documentDir(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil || filepath.Base(abs) != "journal" {
		return dir
	}
	if info, err := os.Stat(filepath.Join(dir, "journal")); err == nil && info.IsDir() {
		return dir
	}
	return filepath.Join(dir, "..")
}

// build writes the documents of all runs in the inputs. What could not be read
// keeps nobody from the rest.
func (b buildCommand) build(ctx context.Context, t target) error {
	tree, failed := b.readAll(ctx, &t)
	for _, run := range tree.Runs() {
		if err := ctx.Err(); err != nil {
			return errors.Join(failed, err)
		}
		failed = errors.Join(failed, b.write(tree, run))
	}
	return failed
}

// What became of a document.
const (
	builtWritten = "written"
	builtSame    = "up to date"
	builtKept    = "kept"
)

// built tells what became of a document.
type built struct {
	Run      wfslog.RunID `json:"run"`
	File     string       `json:"file"`
	State    string       `json:"state"`  // written, up to date, kept
	Events   uint64       `json:"events"` // that there are
	Had      uint64       `json:"had,omitempty"`
	Status   string       `json:"status"`
	Complete bool         `json:"complete"`
}

// tellBuilt says it on standard output.
func (b buildCommand) tellBuilt(r built) error {
	if b.json {
		return writeJSON(b.app.stdout, r)
	}
	text := termtext.String(r.File)
	switch r.State {
	case builtSame:
		text += " is up to date"
	case builtKept:
		text += fmt.Sprintf(" is kept: it was made from %d events, %d of them are left", r.Had, r.Events)
	}
	_, err := fmt.Fprintln(b.app.stdout, text)
	return err
}

// write writes the document of a run, and tells stdout so if it went into a file.
func (b buildCommand) write(tree *wfslog.TreeBuilder, run wfslog.RunID) error {
	doc, err := tree.Document(run)
	if err != nil {
		return err
	}
	if b.out == "" {
		return b.render(b.app.stdout, doc)
	}
	var text bytes.Buffer
	if err := b.render(&text, doc); err != nil {
		return err
	}
	path := filepath.Join(b.out, doc.FileName())
	if b.flat {
		path = strings.TrimSuffix(path, ".json") + ".flat.jsonl"
	}
	old, err := readRegular(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r := built{Run: run, File: path, State: builtWritten, Events: doc.Integrity.Events, Status: doc.Status, Complete: doc.Complete}
	switch had := eventsIn(old, run); {
	case err == nil && bytes.Equal(old, text.Bytes()):
		r.State = builtSame
	case had > r.Events: // the journal was pruned, or cannot be read
		r.State, r.Had = builtKept, had
	default:
		if err := replaceFile(path, text.Bytes()); err != nil {
			return err
		}
	}
	return b.tellBuilt(r)
}

func (b buildCommand) render(w io.Writer, doc *wfslog.Document) error {
	if b.flat {
		return doc.WriteFlat(w)
	}
	_, err := doc.WriteTo(w)
	return err
}

// eventsIn returns the number of events that a document of the run was made from,
// 0 if text is no document of it.
func eventsIn(text []byte, run wfslog.RunID) uint64 {
	var doc struct {
		Run       wfslog.RunID
		Integrity wfslog.Integrity
	}
	// The first value is the document, or, in its flat form, the document's own line.
	if json.NewDecoder(bytes.NewReader(text)).Decode(&doc) != nil || doc.Run != run {
		return 0
	}
	return doc.Integrity.Events
}

// readRegular reads a file, if it is one: opening a pipe would wait for a writer.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: move it away, or use --out", path)
	}
	return os.ReadFile(path)
}

// replaceFile writes a file so that it is there with either its old or its new
// content.
func replaceFile(path string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".wfslog-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
