#!/usr/bin/env bash
# What the gate signs, read by other people's code: cosign verifies the promotion on a real registry, and in-toto's Go
# types parse every claim strictly, in which an unknown field is an error.
# Needs Go and the Go module proxy; builds into WEIGHMARK_INTEROP_CACHE (default: the user's cache folder).
. "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
[ -x "$GOBIN/cosign" ] || nice -n 19 go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3
if [ ! -x "$GOBIN/ociserver" ]; then cp -r "$here/registry" "$work/go"; (cd "$work/go" && nice -n 19 go install ./ociserver); fi
cp -r "$here/gate" "$work/strict"; (cd "$work/strict" && nice -n 19 go build -o "$work/strict-parse" ./strict)

export HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" XDG_STATE_HOME="$work/home/.local/state" DOCKER_CONFIG="$work/home/.docker"
unset WEIGHMARK_REGISTRY WEIGHMARK_STATE WEIGHMARK_LOG_KEY WEIGHMARK_POLICY
mkdir -p "$DOCKER_CONFIG"
cd "$work"
weighmark() { node "$root/bin/weighmark.js" "$@"; }
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
"$GOBIN/ociserver" "$port" & pids+=($!)
for _ in $(seq 100); do curl -s "http://127.0.0.1:$port/v2/" -o /dev/null && break; sleep 0.1; done

people="dana anna erin bob ci"
for name in $people; do weighmark keygen "$name" --no-password >/dev/null; done
{
  printf 'format: weighmark-policy/1\nname: interop\nversion: 1\nexpires: 2099-01-01\nprincipals:\n'
  for name in $people; do printf '  %s: { keys: [%s] }\n' "$name" "$(grep -v -- ----- "$name.pub" | tr -d '\n')"; done
  printf 'roles: { publisher: [dana], trainer: [anna], evaluator: [erin], approver: [bob], promoter: [ci] }\n'
  printf 'environments:\n  - name: staging\n    require: [bom]\n  - name: prod\n    after: staging\n    require: [bom, evaluation]\n    approvals: 1\n'
} > policy.yaml

export WEIGHMARK_REGISTRY="oci://127.0.0.1:$port/team" WEIGHMARK_POLICY="$work/policy.yaml"
ref="127.0.0.1:$port/team/acme/enc"
mkdir data model
echo 'a,b' > data/rows.csv
echo '{}' > croissant.json
echo '{}' > model/config.json
check 'registry init' weighmark registry init "$WEIGHMARK_REGISTRY"
check 'the dataset is described' weighmark attest data --type dataset --reference croissant.json --key dana.key
check 'the dataset is pushed' weighmark push data acme/data:1
check 'the model is sealed' weighmark seal model --name acme/enc:1 --step train --input dataset=acme/data:1 --key anna.key
check 'the model is evaluated' weighmark attest model --type evaluation --result passed --metric accuracy=0.9 --name acme/enc:1 --key erin.key
check 'the model is pushed' weighmark push model acme/enc:1
check 'the log is integrated' weighmark log integrate
check 'promote to staging' weighmark promote acme/enc:1 --env staging --key ci.key
check 'the log is integrated again' weighmark log integrate
check 'prod wants an approval' bash -c "! node '$root/bin/weighmark.js' promote acme/enc:1 --env prod --key ci.key"
check 'approve' weighmark approve acme/enc:1 --env prod --yes --key bob.key
check 'the approval is integrated' weighmark log integrate
check 'promote to prod' weighmark promote acme/enc:1 --env prod --key ci.key
check 'the promotion is integrated' weighmark log integrate
check 'verify --env prod, on the files' weighmark verify model --env prod
check 'audit' weighmark audit

id=$(weighmark show acme/enc:1 --json | node -p 'JSON.parse(require("fs").readFileSync(0)).id')
cosign() { "$GOBIN/cosign" verify-attestation --private-infrastructure --insecure-ignore-tlog --allow-http-registry "$@"; }
check 'cosign verifies the promotion (VSA)' cosign --key ci.pub --type https://slsa.dev/verification_summary/v1 "$ref@$id"
check 'cosign verifies the provenance' cosign --key anna.pub --type https://slsa.dev/provenance/v1 "$ref@$id"
check 'cosign verifies the evaluation' cosign --key erin.pub --type https://in-toto.io/attestation/test-result/v0.1 "$ref@$id"
check 'cosign verifies the approval' cosign --key bob.pub --type https://in-toto.io/attestation/svr/v0.2 "$ref@$id"
check 'cosign refuses the promotion under another key' bash -c "! '$GOBIN/cosign' verify-attestation --private-infrastructure --insecure-ignore-tlog --allow-http-registry --key bob.pub --type https://slsa.dev/verification_summary/v1 $ref@$id"


# The condition of the example for Sigstore's policy controller, by cosign, whose evaluation of CUE the controller has.
node -e 'const { parse } = require(process.argv[1] + "/node_modules/yaml"); console.log(parse(require("fs").readFileSync(0, "utf8")).spec.authorities[0].attestations[0].policy.data)' \
  "$root" < "$root/examples/ci/kubernetes/policy-controller/promoted-models.yaml" > promoted.cue
# cosign wants every promotion to fit, the controller one: there are two here, to staging and to prod.
sed 's/\["WEIGHMARK_ENV_PROD"\]/& | ["WEIGHMARK_ENV_STAGING"]/' promoted.cue > either.cue
check 'cosign: the condition for the controller fits its promotions' cosign --key ci.pub --policy either.cue --type https://slsa.dev/verification_summary/v1 "$ref@$id"
cosign --key ci.pub --policy promoted.cue --type https://slsa.dev/verification_summary/v1 "$ref@$id" > prod.log 2>&1 || true
check 'cosign: but for the one to staging' grep -q 'conflicting values "WEIGHMARK_ENV_STAGING" and "WEIGHMARK_ENV_PROD"' prod.log
check 'cosign: and nothing else' grep -q 'There are 1 number of errors' prod.log

weighmark pull acme/enc:1 pulled >/dev/null 2>&1
check 'in-toto Go parses every claim strictly' "$work/strict-parse" pulled/claims.jsonl https://slsa.dev/provenance/v1 https://slsa.dev/verification_summary/v1 https://in-toto.io/attestation/test-result/v0.1 https://in-toto.io/attestation/vulns/v0.2

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
