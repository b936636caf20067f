package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/wfslog/wfslog"
)

// documents are the documents among the inputs.
type documents struct {
	paths map[wfslog.RunID]string // of files
}

func newDocuments() *documents { return &documents{paths: map[wfslog.RunID]string{}} }

// documentStart is how documents begin, but for white space.
const documentStart = `{"format":"wfslog/`

// isDocument reports whether a file is a document, also one of a version that is
// not known. It reads nothing for those that read on.
func isDocument(f io.ReaderAt) bool {
	head := make([]byte, 64)
	n, _ := f.ReadAt(head, 0) // what cannot be read is none
	return strings.HasPrefix(strings.Join(strings.Fields(string(head[:n])), ""), documentStart)
}

// add adds the document in a file.
func (d *documents) add(f *os.File) error {
	doc, err := readDocument(f)
	if err == nil {
		d.paths[doc.Run] = f.Name()
	}
	return err
}

// documentName is the form of the names of documents.
var documentName = regexp.MustCompile(`^([a-z0-9-]{1,40})-\d{8}T\d{6}Z-([0-9a-f]{12})\.json$`)

// runField finds the run in the beginning of a document: within a string, the
// quotes would be escaped.
var runField = regexp.MustCompile(`"run": ?"([0-9a-f]{32})"`)

// find finds the documents in a directory of logs, and reports whether there are
// any. It reads but their beginnings.
func (d *documents) find(dir string) (found bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		name := documentName.FindStringSubmatch(e.Name())
		if name == nil || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		run, ok := runOf(path)
		if ok && strings.HasSuffix(run.String(), name[2]) {
			d.paths[run] = path
			found = true
		}
	}
	return found
}

// runOf returns the run whose document is in a file.
func runOf(path string) (run wfslog.RunID, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return run, false
	}
	defer f.Close() // it was only read
	return runIn(f)
}

// runIn returns the run whose document f holds.
func runIn(f *os.File) (run wfslog.RunID, ok bool) {
	head := make([]byte, 16<<10)
	n, _ := f.ReadAt(head, 0) // what cannot be read has no run
	found := runField.FindSubmatch(head[:n])
	if !isDocument(f) || found == nil {
		return run, false
	}
	return run, run.UnmarshalText(found[1]) == nil
}

// maxDocument is the size of the largest document that is read.
const maxDocument = 1 << 30

// open reads the document of a run.
func (d *documents) open(run wfslog.RunID) (*wfslog.Document, error) {
	f, err := os.Open(d.paths[run])
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	return readDocument(f)
}

func readDocument(f *os.File) (*wfslog.Document, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxDocument {
		return nil, limitError{fmt.Sprintf("%s: %d bytes are more than the %d of the largest document that is read", f.Name(), info.Size(), maxDocument)}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxDocument))
	if err != nil {
		return nil, err
	}
	var doc wfslog.Document
	switch err := json.Unmarshal(text, &doc); {
	case err != nil && strings.Contains(string(text[:min(len(text), 200)]), `"kind":"workflow"`):
		return nil, fmt.Errorf("%s: this is a document in its flat form; only the nested one is read", f.Name())
	case err != nil:
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	case doc.Format != "wfslog/1":
		return nil, fmt.Errorf("%s: its format %q is not known to this version of wfslog", f.Name(), doc.Format)
	case doc.Run.IsZero():
		return nil, fmt.Errorf("%s: the document names no run", f.Name())
	case hasHoles(&doc):
		return nil, fmt.Errorf("%s: null stands in it for a node", f.Name())
	}
	return &doc, nil
}

// hasHoles reports whether some node of doc is nil.
func hasHoles(doc *wfslog.Document) bool {
	_, found := walk(found{node: &doc.Node}, func(n *wfslog.Node) bool { return n == nil })
	return found
}
