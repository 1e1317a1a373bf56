module weighmark.dev/interop/sigstore-go

go 1.26

require github.com/sigstore/sigstore-go v1.2.2
