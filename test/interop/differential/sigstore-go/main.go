// What sigstore-go, by which cosign verifies, accepts of the bundles and trusted roots that sigstore.ts made: a list of verdicts,
// in their order.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

func main() {
	folder := os.Args[1]
	var names []string
	text, err := os.ReadFile(filepath.Join(folder, "cases.json"))
	if err == nil {
		err = json.Unmarshal(text, &names)
	}
	if err != nil {
		log.Fatal(err)
	}
	verdicts := make([]bool, len(names))
	for index := range names {
		why := refusal(folder, index)
		verdicts[index] = why == nil
		if why != nil && os.Getenv("WEIGHMARK_VERBOSE") != "" {
			fmt.Fprintf(os.Stderr, "%s: %v\n", names[index], why)
		}
	}
	written, _ := json.Marshal(verdicts)
	if err := os.WriteFile(filepath.Join(folder, "theirs.json"), written, 0o644); err != nil {
		log.Fatal(err)
	}
}

// As cosign asks with a trusted root and --use-signed-timestamps: a promise of the certificate log, an entry, a timestamp.
func refusal(folder string, index int) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("%v", panicked)
		}
	}()
	material, err := root.NewTrustedRootFromPath(filepath.Join(folder, "roots", fmt.Sprintf("%d.json", index)))
	if err != nil {
		return err
	}
	read, err := bundle.LoadJSONFromPath(filepath.Join(folder, "bundles", fmt.Sprintf("%d.sig", index)))
	if err != nil {
		return err
	}
	verifier, err := verify.NewVerifier(material, verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithSignedTimestamps(1))
	if err != nil {
		return err
	}
	identity, err := verify.NewShortCertificateIdentity("https://issuer.example", "", "anna@example.com", "")
	if err != nil {
		return err
	}
	_, err = verifier.Verify(read, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithCertificateIdentity(identity)))
	return err
}
