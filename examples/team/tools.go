package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wfslog/wfslog"
)

// Tools are what the agents use instead of a model's function calls. They may
// fail: then they are tried again, and each attempt is an action of its own.

const (
	maxAttempts = 3
	toolTimeout = 30 * time.Second // of the first attempt; the n-th has n times as long
	maxFileSize = 1 << 20          // bytes; what is larger was not written by people
)

// errNothing is returned by a tool that worked but found nothing.
var errNothing = errors.New("nothing found")

// useTool calls try until it succeeds, fails in a way that trying again does not
// change, or has been called [maxAttempts] times.
func useTool[T any](ctx context.Context, name string, input any, try func(ctx context.Context, attempt int) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		out, err := attemptTool(ctx, name, input, attempt, try)
		if err == nil || attempt == maxAttempts || !worthRetrying(err) || ctx.Err() != nil {
			return out, err
		}
	}
}

func attemptTool[T any](ctx context.Context, name string, input any, attempt int,
	try func(ctx context.Context, attempt int) (T, error),
) (out T, err error) {
	ctx = wfslog.StartAction(ctx, name, wfslog.Tool(name), wfslog.Input(input), slog.Int("attempt", attempt))
	defer wfslog.EndErr(ctx, &err)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(attempt)*toolTimeout)
	defer cancel()
	if out, err = try(ctx, attempt); err == nil {
		wfslog.Annotate(ctx, wfslog.Output(out))
	}
	return out, err
}

// worthRetrying reports whether another attempt may succeed: the tool took too
// long, or a command failed that is called differently the next time.
func worthRetrying(err error) bool {
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errNothing)
}

// skippedDirs hold nothing that somebody wrote for this project.
var skippedDirs = []string{"testdata", "vendor", "node_modules", "logs", "bin"}

// listFiles returns the regular files below root that a person may have written,
// and links to them, as paths relative to root with slashes.
func listFiles(ctx context.Context, root string) ([]string, error) {
	return useTool(ctx, "list_files", root, func(ctx context.Context, _ int) ([]string, error) {
		var files []string
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				if path != root {
					slog.WarnContext(ctx, "left out what cannot be read", "path", path, wfslog.Err(err))
					return nil
				}
				return err
			}
			hidden := strings.HasPrefix(d.Name(), ".") && path != root
			switch {
			case d.IsDir() && path != root && (hidden || slices.Contains(skippedDirs, d.Name())):
				return filepath.SkipDir
			case d.IsDir() || hidden || !d.Type().IsRegular() && d.Type() != fs.ModeSymlink:
				return ctx.Err()
			}
			rel, err := filepath.Rel(root, path)
			files = append(files, filepath.ToSlash(rel))
			return err
		})
		return files, err
	})
}

// readFile returns the text of a file, which must be short enough and UTF-8.
func readFile(root, path string) ([]byte, error) {
	f, err := os.Open(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxFileSize:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFileSize)
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		return nil, fmt.Errorf("%s is not text", path)
	}
	return text, nil
}

// listing is what the go command knows of the packages in a directory.
type listing struct {
	Packages []string          // import paths, of the directory's own packages
	dirs     map[string]string // directory, relative to root, → import path
	exports  map[string]string // import path → file with the package's types
}

// goList asks the go command for the packages of the module in dir, relative to
// root. If some do not compile, the second attempt takes what there is; if dir
// is not in the workspace around it, the third does without the workspace.
func goList(ctx context.Context, root, dir string) (listing, error) {
	return useTool(ctx, "go_list", dir, func(ctx context.Context, attempt int) (listing, error) {
		args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,DepOnly"}
		if attempt > 1 {
			args = append(args, "-e")
		}
		cmd := exec.CommandContext(ctx, "go", append(args, "./...")...)
		cmd.Dir = filepath.Join(root, filepath.FromSlash(dir))
		if attempt > 2 {
			cmd.Env = append(os.Environ(), "GOWORK=off")
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if ctx.Err() != nil {
			return listing{}, ctx.Err()
		}
		if err != nil {
			return listing{}, fmt.Errorf("go list in %s: %w: %s", dir, err, bytes.TrimSpace(stderr.Bytes()))
		}
		list, err := parseListing(root, out)
		if err != nil {
			return listing{}, fmt.Errorf("go list in %s: %w", dir, err)
		}
		return list, nil
	})
}

func parseListing(root string, text []byte) (listing, error) {
	l := listing{dirs: map[string]string{}, exports: map[string]string{}}
	absolute, err := filepath.Abs(root)
	if err != nil {
		return listing{}, err
	}
	for dec := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct {
			ImportPath, Dir, Export string
			DepOnly                 bool
		}
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			if len(l.Packages) == 0 {
				return listing{}, errNothing
			}
			return l, nil
		case err != nil:
			return listing{}, err
		}
		if p.Export != "" {
			l.exports[p.ImportPath] = p.Export
		}
		if rel, err := filepath.Rel(absolute, p.Dir); err == nil && !p.DepOnly {
			l.Packages = append(l.Packages, p.ImportPath)
			l.dirs[filepath.ToSlash(rel)] = p.ImportPath
		}
	}
}
