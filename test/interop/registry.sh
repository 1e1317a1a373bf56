#!/usr/bin/env bash
# Other people's servers and clients against ours: distribution (TLS and token authentication), go-containerregistry's
# registry (referrers API), crane, regctl, cosign, tessera's fsck, and the code behind Go's checksum database.
# Needs Go, openssl and the Go module proxy; builds into WEIGHMARK_INTEROP_CACHE (default: the user's cache folder).
. "$(dirname "$0")/stage.sh"
tool() { [ -x "$GOBIN/$(basename "${1%@*}")" ] || nice -n 19 go install "$1"; }

mkdir -p "$cache"
tool github.com/google/go-containerregistry/cmd/crane@v0.22.1
tool github.com/regclient/regclient/cmd/regctl@v0.11.7
tool github.com/transparency-dev/tessera/cmd/fsck@v1.0.4
tool github.com/distribution/distribution/v3/cmd/registry@v3.1.2
tool github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3
if [ ! -x "$GOBIN/ociserver" ] || [ ! -x "$GOBIN/logcheck" ]; then
  cp -r "$here/registry" "$work/go"
  (cd "$work/go" && nice -n 19 go install ./ociserver ./logcheck)
fi

export HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" XDG_STATE_HOME="$work/home/.local/state" DOCKER_CONFIG="$work/home/.docker"
unset WEIGHMARK_REGISTRY WEIGHMARK_STATE WEIGHMARK_LOG_KEY
mkdir -p "$DOCKER_CONFIG"
cd "$work"
weighmark() { node "$root/bin/weighmark.js" "$@"; }
free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
wait_for() { for _ in $(seq 100); do curl -ks "$1" -o /dev/null && return 0; sleep 0.1; done; return 1; }

# A model that somebody sealed.
weighmark keygen anna --no-password >/dev/null
mkdir model
head -c 20000000 /dev/urandom > model/large.bin
node -e '
const header = Buffer.from(JSON.stringify({ w: { dtype: "F32", shape: [256], data_offsets: [0, 1024] } }));
const length = Buffer.alloc(8); length.writeBigUInt64LE(BigInt(header.length));
require("fs").writeFileSync("model/model.safetensors", Buffer.concat([length, header, require("crypto").randomBytes(1024)]));
require("fs").writeFileSync("model/config.json", "{}")'
weighmark seal model --key anna.key --name acme/enc:1 >/dev/null

# --- the embedded registry ---
weighmark registry init embedded >/dev/null
id=$(weighmark push model --registry embedded 2>/dev/null | sed 's/.*@//')
check 'regctl reads the folder in place: the tag' bash -c "'$GOBIN/regctl' tag ls ocidir://embedded/models/acme/enc | grep -x 1"
check 'regctl reads the folder in place: the same digest' bash -c "[ \"\$('$GOBIN/regctl' image digest ocidir://embedded/models/acme/enc:1)\" = $id ]"
check 'regctl lists the claims' bash -c "'$GOBIN/regctl' artifact list ocidir://embedded/models/acme/enc:1 | grep -q 'application/vnd.dev.sigstore.bundle.v0.3+json'"
for n in $(seq 1 30); do mkdir -p "many/$n"; echo "$n" > "many/$n/w.bin"; weighmark push "many/$n" "many/m$n:1" --registry embedded >/dev/null 2>&1; done
node "$here/registry/grow-log.ts" embedded 600 >/dev/null
origin=$(node -p 'JSON.parse(require("fs").readFileSync("embedded/registry.json")).origin')
vkey=$(node -p 'JSON.parse(require("fs").readFileSync("embedded/registry.json")).vkeys.find((v) => v.length < 300)')
echo "$vkey" > vkey
check 'tessera fsck finds the log whole' "$GOBIN/fsck" --storage_url="file://$work/embedded/log/" --public_key="$work/vkey" --origin="$origin" --ui=false
check "Go's sumdb code verifies root, inclusion and consistency" "$GOBIN/logcheck" embedded/log "$vkey"
check 'our own log verify agrees' weighmark log verify --registry embedded

# --- servers ---
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
  -addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.crt 2>/dev/null
token_port=$(free_port); tls_port=$(free_port); plain_port=$(free_port); referrers_port=$(free_port)
node "$here/registry/token-server.ts" "$token_port" tls.crt tls.key user:s3cret & pids+=($!)
distribution() { # distribution PORT EXTRA: a configuration file and a server
  cat > "distribution-$1.yml" <<Y
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/data-$1}, delete: {enabled: true}}
$2
Y
  "$GOBIN/registry" serve "distribution-$1.yml" >/dev/null 2>&1 & pids+=($!)
}
distribution "$plain_port" "http: {addr: '127.0.0.1:$plain_port'}"
distribution "$tls_port" "http: {addr: '127.0.0.1:$tls_port', tls: {certificate: $work/tls.crt, key: $work/tls.key}}
auth: {token: {realm: 'https://127.0.0.1:$token_port/token', service: registry, issuer: weighmark-interop, rootcertbundle: $work/tls.crt}}"
"$GOBIN/ociserver" "$referrers_port" & pids+=($!)
wait_for "http://127.0.0.1:$plain_port/v2/"; wait_for "https://127.0.0.1:$tls_port/v2/"; wait_for "http://127.0.0.1:$referrers_port/v2/"; wait_for "https://127.0.0.1:$token_port/"
export NODE_EXTRA_CA_CERTS="$work/tls.crt" SSL_CERT_FILE="$work/tls.crt" WEIGHMARK_TOKEN_HOSTS="127.0.0.1:$token_port"
auth=$(printf user:s3cret | base64)

check 'without a login, distribution refuses the push' bash -c "! node '$root/bin/weighmark.js' registry init oci://127.0.0.1:$tls_port/acme"
echo "{\"auths\":{\"127.0.0.1:$tls_port\":{\"auth\":\"$auth\"},\"127.0.0.1:$token_port\":{\"auth\":\"$auth\"}}}" > "$DOCKER_CONFIG/config.json"

copies_within() { # copies_within FROM TO: large files are mounted; with no room for them, nothing else would do
  weighmark registry init "$2" && (ulimit -f 10000; weighmark copy acme/enc:1 "$2" --registry "$1")
}
for server in "distribution $plain_port" "distribution-tls-token $tls_port" "go-containerregistry $referrers_port"; do
  set -- $server
  name=$1; registry="oci://127.0.0.1:$2/team"; ref="127.0.0.1:$2/team/acme/enc"
  check "$name: registry init" weighmark registry init "$registry"
  check "$name: push" weighmark push model --registry "$registry"
  check "$name: push again sends nothing new" weighmark push model --registry "$registry"
  # crane and cosign refuse a token service on loopback, so the server with tokens is for our own client alone.
  if [ "$name" != distribution-tls-token ]; then
  check "$name: the id is the same as in a folder" bash -c "[ \"\$('$GOBIN/crane' digest $ref:1)\" = $id ]"
  check "$name: crane validates the manifest and layers" "$GOBIN/crane" validate --remote "$ref:1" --fast
  check "$name: crane finds the bytes of the file" bash -c "'$GOBIN/crane' blob $ref@sha256:$(sha256sum < model/model.safetensors | cut -c1-64) | cmp - model/model.safetensors"
  check "$name: cosign verifies a claim" "$GOBIN/cosign" verify-attestation --key anna.pub --private-infrastructure --insecure-ignore-tlog --allow-http-registry --type https://cyclonedx.org/bom "$ref@$id"
  check "$name: cosign refuses it under another key" bash -c "openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl ec -pubout -out other.pub 2>/dev/null; ! '$GOBIN/cosign' verify-attestation --key other.pub --private-infrastructure --insecure-ignore-tlog --allow-http-registry --type https://cyclonedx.org/bom $ref@$id"
  fi
  for n in $(seq 20); do weighmark push "many/$n" "many/p$n:1" --registry "$registry" >/dev/null 2>&1 & jobs[n]=$!; done
  for n in $(seq 20); do wait "${jobs[n]}" || echo "push $n failed"; done
  check "$name: twenty pushes at once are all listed at once" bash -c "[ \$(node '$root/bin/weighmark.js' list --registry $registry | grep -c many/p) = 20 ]"
  for n in $(seq 20); do weighmark attest acme/enc:1 --registry "$registry" --type evaluation --result passed --metric "run=$n" --key anna.key >/dev/null 2>&1 & jobs[n]=$!; done
  for n in $(seq 20); do wait "${jobs[n]}" || echo "attest $n failed"; done
  check "$name: twenty attestations at once are all listed at once" bash -c "[ \$(node '$root/bin/weighmark.js' show acme/enc:1 --registry $registry --json | grep -c test-result) = 20 ]"
  check "$name: log integrate" weighmark log integrate --registry "$registry"
  check "$name: every push and claim is logged" bash -c "[ \$(node '$root/bin/weighmark.js' log show --registry $registry | grep -vc waiting) -ge 44 ]"
  check "$name: log verify" weighmark log verify --registry "$registry"
  check "$name: a copy within the host takes no bytes through here" copies_within "$registry" "oci://127.0.0.1:$2/production"
  if [ "$name" != distribution-tls-token ]; then
  [ "$name" = distribution ] && resumes=resumes || resumes=starts-anew
  check "$name: cut, killed and forgotten uploads and downloads" node "$here/registry/transfer.ts" "$2" "$resumes"
  check "$name: a pull fetches one wrong block again, and nothing else" node "$here/registry/mend.ts" "$2" "$registry" acme/enc
  fi
  check "$name: pull" weighmark pull acme/enc:1 "pulled-$name" --registry "$registry"
  check "$name: what was pulled verifies" weighmark verify "pulled-$name" --key anna.pub
  check "$name: the outboard of the large file came along" weighmark verify "pulled-$name" --key anna.pub --only 'large.bin#bytes=1000000-1000100'
  check "$name: copy to a stick" bash -c "node '$root/bin/weighmark.js' registry init stick-$name && node '$root/bin/weighmark.js' copy acme/enc:1 stick-$name --registry $registry"
  check "$name: the stick's log is whole" weighmark log verify --registry "stick-$name"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
