// Checks a weighmark log with the code that checks Go's checksum database: logcheck DIR VKEY.
package main

import (
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tiles struct{ dir string }

func (t tiles) Height() int                         { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		bytes, err := os.ReadFile(filepath.Join(t.dir, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		all = append(all, bytes)
	}
	return all, nil
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	dir, vkey := os.Args[1], os.Args[2]
	verifier := must(note.NewVerifier(vkey))
	opened := must(note.Open(must(os.ReadFile(filepath.Join(dir, "checkpoint"))), note.VerifierList(verifier)))
	lines := strings.Split(opened.Text, "\n")
	size := must(strconv.ParseInt(lines[1], 10, 64))
	var root tlog.Hash
	copy(root[:], must(base64.StdEncoding.DecodeString(lines[2])))
	tree := tlog.Tree{N: size, Hash: root}
	reader := tlog.TileHashReader(tree, tiles{dir})
	if found := must(tlog.TreeHash(size, reader)); found != root {
		log.Fatalf("root %v, checkpoint %v", found, root)
	}
	for index := int64(0); index < size; index += 1 + size/200 {
		hashes := must(reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)}))
		proof := must(tlog.ProveRecord(size, index, reader))
		if err := tlog.CheckRecord(proof, size, root, index, hashes[0]); err != nil {
			log.Fatal(err)
		}
		if index > 0 {
			older := must(tlog.TreeHash(index, reader))
			if err := tlog.CheckTree(must(tlog.ProveTree(size, index, reader)), size, root, index, older); err != nil {
				log.Fatal(err)
			}
		}
	}
	fmt.Printf("x/mod sumdb: log of %d entries is whole\n", size)
}
