module weighmark.dev/interop

go 1.25

require (
	github.com/google/go-containerregistry v0.22.1
	golang.org/x/mod v0.42.0
)
