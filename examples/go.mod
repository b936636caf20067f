module github.com/wfslog/wfslog/examples

go 1.26.0

require (
	github.com/clipperhouse/displaywidth v0.11.0
	github.com/creack/pty v1.1.24
	github.com/stretchr/testify v1.12.1
	github.com/wfslog/wfslog v0.0.0
)

require (
	github.com/clipperhouse/uax29/v2 v2.7.0 // indirect
	github.com/lmittmann/tint v1.2.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
