package wfslogtest

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// updateVariable is the variable of the environment that has golden files
// rewritten.
const updateVariable = "WFSLOGTEST_UPDATE"

// Golden fails the test unless what was recorded until now is what the file says,
// and shows how they differ. If the name ends with ".json", the file holds
// [Recorder.Documents], otherwise [Recorder.Tree].
//
// The file is written anew if $WFSLOGTEST_UPDATE is 1, or if the test program has a
// flag "update" and it is set. This package defines no flag of that name, since it
// would collide with the program's own:
//
//	var _ = flag.Bool("update", false, "rewrite the golden files")
func (r *Recorder) Golden(file string) {
	r.t.Helper()
	docs, _ := r.snapshot()
	got := []byte(draw(docs))
	if filepath.Ext(file) == ".json" {
		var b bytes.Buffer
		for _, doc := range docs {
			_, _ = doc.WriteTo(&b) // a Buffer does not fail
		}
		got = b.Bytes()
	}
	if updating() {
		if err := write(file, got); err != nil {
			r.t.Errorf("wfslogtest: golden file: %v", err)
		}
		return
	}
	want, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.t.Errorf("wfslogtest: no golden file %s; %s=1 writes it:\n\n%s", file, updateVariable, got)
	case err != nil:
		r.t.Errorf("wfslogtest: golden file: %v", err)
	default:
		want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")) // as git may have made them
		if !bytes.Equal(want, got) {
			r.t.Errorf("wfslogtest: not as in %s; %s=1 rewrites it (- file, + recorded):\n\n%s",
				file, updateVariable, diff(string(want), string(got)))
		}
	}
}

// updating reports whether golden files are to be written.
func updating() bool {
	if os.Getenv(updateVariable) == "1" {
		return true
	}
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func write(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o666)
}

const (
	diffContext = 3       // lines that are shown around a difference
	maxDiffWork = 4 << 20 // pairs of lines that are compared
)

// diff returns the lines of both texts: those only in a with "- " in front, those
// only in b with "+ ", and a few of the others around them.
func diff(a, b string) string {
	x, y := strings.SplitAfter(a, "\n"), strings.SplitAfter(b, "\n")
	var lines []string // of both, with what stands in front
	add := func(prefix string, texts ...string) {
		for _, text := range texts {
			if text != "" {
				lines = append(lines, prefix+strings.TrimSuffix(text, "\n"))
			}
		}
	}
	var end []string
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		add("  ", x[0])
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		end = append(end, x[len(x)-1])
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x)*len(y) <= maxDiffWork {
		common := commonLines(x, y)
		i, j := 0, 0
		for i < len(x) && j < len(y) {
			switch {
			case x[i] == y[j]:
				add("  ", x[i])
				i, j = i+1, j+1
			case common[i+1][j] >= common[i][j+1]:
				add("- ", x[i])
				i++
			default:
				add("+ ", y[j])
				j++
			}
		}
		x, y = x[i:], y[j:]
	}
	add("- ", x...)
	add("+ ", y...)
	for i := len(end) - 1; i >= 0; i-- {
		add("  ", end[i])
	}
	return strings.Join(around(lines), "\n") + "\n"
}

// commonLines returns for each i and j how many lines x[i:] and y[j:] have in common
// in the same order.
func commonLines(x, y []string) [][]int {
	n := make([][]int, len(x)+1)
	n[len(x)] = make([]int, len(y)+1)
	for i := len(x) - 1; i >= 0; i-- {
		n[i] = make([]int, len(y)+1)
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	return n
}

// around returns the lines that differ and those near them, and "  …" for the others.
func around(lines []string) (out []string) {
	near := make([]bool, len(lines))
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		for j := max(i-diffContext, 0); j <= min(i+diffContext, len(lines)-1); j++ {
			near[j] = true
		}
	}
	for i, line := range lines {
		switch {
		case near[i]:
			out = append(out, line)
		case i == 0 || near[i-1]:
			out = append(out, "  …")
		}
	}
	return out
}
