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
	"github.com/wfslog/wfslog/internal/hook"
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
			"journal gets what it left in its crash ring, and an event that says so: what it had\n" +
			"not ended counts as interrupted.\n\n" + inputHelp,
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
	tree, failed := b.readAll(ctx, &t, nil)
	if failed == nil && len(tree.Runs()) == 0 {
		return errNoRun
	}
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
	if b.out == "" {
		_, err := b.render(b.app.stdout, tree, run)
		return err
	}
	// The document's name is known only when it is made.
	file, err := newReplacement(b.out)
	if err != nil {
		return err
	}
	doc, err := b.render(file, tree, run)
	if err != nil {
		return errors.Join(err, file.discard())
	}
	path := filepath.Join(b.out, doc.FileName())
	if b.flat {
		path = strings.TrimSuffix(path, ".json") + ".flat.jsonl"
	}
	r := built{Run: run, File: path, State: builtWritten, Events: doc.Integrity.Events, Status: doc.Status, Complete: doc.Complete}
	if err := b.replace(&r, file); err != nil {
		return errors.Join(err, file.discard())
	}
	return b.tellBuilt(r)
}

// replace makes file the file of a document, unless that is the same already, or was
// made from more.
func (b buildCommand) replace(r *built, file *replacement) error {
	old, err := openRegular(r.File)
	if errors.Is(err, fs.ErrNotExist) {
		return file.rename(r.File)
	}
	if err != nil {
		return err
	}
	defer old.Close() // it was only read
	if err := file.w.Flush(); err != nil {
		return err
	}
	same, err := sameContent(old, file.f)
	if err != nil {
		return err
	}
	switch had := eventsIn(old, r.Run); {
	case same:
		r.State = builtSame
	case had > r.Events: // the journal was pruned, or cannot be read
		r.State, r.Had = builtKept, had
	default:
		return file.rename(r.File)
	}
	return file.discard()
}

// render writes the document of a run, and returns it, perhaps without its nodes.
func (b buildCommand) render(w io.Writer, tree *wfslog.TreeBuilder, run wfslog.RunID) (*wfslog.Document, error) {
	made, _, err := hook.WriteTree(tree, w, run, b.flat)
	doc, _ := made.(*wfslog.Document)
	return doc, err
}

// sameContent reports whether two files hold the same.
func sameContent(a, b *os.File) (bool, error) {
	x, err := a.Stat()
	if err != nil {
		return false, err
	}
	y, err := b.Stat()
	if err != nil || x.Size() != y.Size() {
		return false, err
	}
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); at < x.Size(); at += int64(len(bufA)) {
		n, errA := a.ReadAt(bufA, at)
		m, errB := b.ReadAt(bufB, at)
		for _, err := range []error{errA, errB} {
			if err != nil && err != io.EOF {
				return false, err
			}
		}
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return false, nil
		}
	}
	return true, nil
}

// maxTail is how much is looked at of the end of a document for what it was made from.
const maxTail = 1 << 20

// eventsIn returns the number of events that the document of a run in f was made from,
// 0 if there is none. Of a document in the form in which they are written, only the
// beginning and the end are read.
func eventsIn(f *os.File, run wfslog.RunID) uint64 {
	var doc struct {
		Run       wfslog.RunID
		Integrity wfslog.Integrity
	}
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	if of, ok := runIn(f); ok && of != run {
		return 0
	}
	tail := make([]byte, min(info.Size(), maxTail))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && err != io.EOF {
		return 0
	}
	const field = "\n  \"integrity\": "
	if i := bytes.LastIndex(tail, []byte(field)); i >= 0 {
		text := bytes.TrimSuffix(bytes.TrimSpace(tail[i+len(field):]), []byte("\n}"))
		if _, ok := runIn(f); ok && json.Unmarshal(text, &doc.Integrity) == nil {
			return doc.Integrity.Events
		}
	}
	if info.Size() > maxDocument {
		return 0
	}
	// The first value is the document, or, in its flat form, the document's own line.
	if json.NewDecoder(io.NewSectionReader(f, 0, info.Size())).Decode(&doc) != nil || doc.Run != run {
		return 0
	}
	return doc.Integrity.Events
}

// openRegular opens a file, if it is one: opening a pipe would wait for a writer.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: move it away, or use --out", path)
	}
	return os.Open(path)
}
