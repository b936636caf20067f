module github.com/wfslog/wfslog

go 1.26

require (
	github.com/lmittmann/tint v1.2.1
	github.com/stretchr/testify v1.12.1
	pgregory.net/rapid v1.3.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
