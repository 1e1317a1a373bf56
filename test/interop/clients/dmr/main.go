// What Docker Model Runner's own library does with a registry on loopback: `dmr push REF docker|cncf FILE|DIR` packs and pushes
// as `docker model package --push` does, `dmr pull REF STORE` pulls and prints the folder that its runners are handed.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/docker/model-runner/pkg/distribution/builder"
	"github.com/docker/model-runner/pkg/distribution/distribution"
	"github.com/docker/model-runner/pkg/distribution/registry"
)

func main() {
	client := registry.NewClient(registry.WithPlainHTTP(true))
	var err error
	switch os.Args[1] {
	case "push":
		err = push(client, os.Args[2], builder.BuildFormat(os.Args[3]), os.Args[4])
	case "pull":
		err = pull(client, os.Args[2], os.Args[3])
	}
	if err != nil {
		log.Fatal(err)
	}
}

func push(client *registry.Client, ref string, format builder.BuildFormat, path string) error {
	model, err := build(path, format)
	if err != nil {
		return err
	}
	target, err := client.NewTarget(ref)
	if err != nil {
		return err
	}
	return model.Build(context.Background(), target, io.Discard)
}

func build(path string, format builder.BuildFormat) (*builder.Builder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return builder.FromDirectory(path, builder.WithOutputFormat(format))
	}
	return builder.FromPath(path, builder.WithFormat(format))
}

func pull(client *registry.Client, ref, store string) error {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	models, err := distribution.NewClient(distribution.WithStoreRootPath(store), distribution.WithRegistryClient(client), distribution.WithLogger(quiet))
	if err != nil {
		return err
	}
	if err := models.PullModel(context.Background(), ref, io.Discard); err != nil {
		return err
	}
	bundle, err := models.GetBundle(ref)
	if err != nil {
		return err
	}
	fmt.Println(bundle.RootDir())
	return nil
}
