module weighmark.dev/interop/dmr

go 1.26.10

require github.com/docker/model-runner v1.2.9
