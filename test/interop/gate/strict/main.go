// strict reads Sigstore bundles, one a line, and parses each statement and predicate with in-toto's own Go types, in which
// an unknown field is an error. Arguments: the file, then predicate types that must be among them.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	reference "github.com/in-toto/attestation/go/predicates/reference/v0"
	result "github.com/in-toto/attestation/go/predicates/test_result/v0"
	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	vulns "github.com/in-toto/attestation/go/predicates/vulns/v02"
	in_toto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func types() map[string]proto.Message {
	return map[string]proto.Message{
		"https://slsa.dev/provenance/v1":                  &provenance.Provenance{},
		"https://slsa.dev/verification_summary/v1":        &vsa.VerificationSummary{},
		"https://in-toto.io/attestation/test-result/v0.1": &result.TestResult{},
		"https://in-toto.io/attestation/vulns/v0.2":       &vulns.Vulns{},
		"https://in-toto.io/attestation/reference/v0.1":   &reference.Reference{},
	}
}

func main() {
	seen := map[string]int{}
	file, err := os.Open(os.Args[1])
	check(err)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		kind, err := parse(lines.Bytes())
		if err != nil {
			check(fmt.Errorf("%s: %w", kind, err))
		}
		seen[kind]++
	}
	for _, wanted := range os.Args[2:] {
		if seen[wanted] == 0 {
			check(fmt.Errorf("no %s among them", wanted))
		}
	}
	fmt.Println(seen)
}

func parse(line []byte) (string, error) {
	var bundle struct {
		DsseEnvelope struct{ Payload string } `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(line, &bundle); err != nil {
		return "", err
	}
	payload, err := base64.StdEncoding.DecodeString(bundle.DsseEnvelope.Payload)
	if err != nil {
		return "", err
	}
	statement := &in_toto.Statement{}
	if err := protojson.Unmarshal(payload, statement); err != nil {
		return "statement", err
	}
	if err := statement.Validate(); err != nil {
		return statement.PredicateType, err
	}
	message := types()[statement.PredicateType]
	if message == nil {
		return statement.PredicateType, nil
	}
	predicate, err := protojson.Marshal(statement.Predicate)
	if err != nil {
		return statement.PredicateType, err
	}
	if err := protojson.Unmarshal(predicate, message); err != nil {
		return statement.PredicateType, err
	}
	if valid, ok := message.(interface{ Validate() error }); ok {
		return statement.PredicateType, valid.Validate()
	}
	return statement.PredicateType, nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
