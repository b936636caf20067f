package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// machine is where the run took place.
type machine struct {
	CPU, OS, Go, GOGC string
	Cores, Procs      int
}

func (b *bench) machine() machine {
	m := machine{
		CPU: "unknown processor", OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		GOGC: os.Getenv("GOGC"), Cores: runtime.NumCPU(), Procs: runtime.GOMAXPROCS(0),
	}
	if m.GOGC == "" {
		m.GOGC = "100"
	}
	if limit := os.Getenv("GOMEMLIMIT"); limit != "" {
		m.GOGC += ", GOMEMLIMIT=" + limit
	}
	info, _ := os.ReadFile("/proc/cpuinfo") // only Linux has it
	for line := range strings.Lines(string(info)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(model)
		}
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.OS += ", kernel " + strings.TrimSpace(string(release))
	}
	return m
}

// versions returns the versions of modules that the program was built with.
func versions(modules []string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok || len(modules) == 0 {
		return ""
	}
	var all []string
	for _, module := range modules {
		for _, dep := range info.Deps {
			if dep.Path == module {
				all = append(all, module+" "+dep.Version)
			}
		}
	}
	return strings.Join(all, ", ")
}
