#!/usr/bin/env bash
# `s3://` as a user has it: weighmark packed and installed beside the official client for S3, against moto, a server that speaks S3, on
# loopback. Digests and id are those of the same folder here; what is sealed there verifies there and after a download; what is
# replaced, cut, refused or sent elsewhere is seen. Needs npm's registry and PyPI.
# shellcheck source=test/interop/stage.sh
source "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
[ -x "$cache/moto/bin/moto_server" ] || { python3 -m venv "$cache/moto" && "$cache/moto/bin/pip" install -q 'moto[server]==5.2.5'; }
[ -d "$root/dist" ] || (cd "$root" && npm run --silent build)
(cd "$root" && npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null)
mkdir "$work/user" && cd "$work/user" && npm init -y >/dev/null
npm install --silent --no-fund --no-audit "$work"/weighmark-*.tgz
weighmark() { "$work/user/node_modules/.bin/weighmark" "$@"; }

export AWS_REGION=eu-central-1 AWS_ACCESS_KEY_ID=AKIAINTEROP0000000 AWS_SECRET_ACCESS_KEY=interop+secret/of+nobody HOME="$work/home"
unset AWS_PROFILE AWS_ENDPOINT_URL
ends() { # ends CODE WORDS COMMAND...: the exit code and what is said
  local code=$1 words=$2 found=0
  shift 2
  "$@" > "$work/said" 2>&1 || found=$?
  cat "$work/said" | tee -a "$work/everything"
  [ "$found" = "$code" ] && grep -q -- "$words" "$work/said"
}
check 'without the package: how to get it' ends 2 'npm install @aws-sdk/client-s3' weighmark hash s3://models/enc
npm install --silent --no-fund --no-audit '@aws-sdk/client-s3@3.1175.0'

"$cache/moto/bin/moto_server" -H 127.0.0.1 -p 0 > "$work/moto.log" 2>&1 &
pids+=($!)
for _ in $(seq 200); do grep -q 'Running on' "$work/moto.log" && break; sleep 0.1; done
port=$(sed -n 's|.*Running on http://127.0.0.1:\([0-9]*\).*|\1|p' "$work/moto.log")
straight="http://127.0.0.1:$port"
export AWS_ENDPOINT_URL_S3=$straight

mkdir -p "$work/enc/many" "$work/enc/.cache/huggingface/download"
head -c 40000000 /dev/urandom > "$work/enc/large.bin"
head -c 70000 /dev/urandom > "$work/enc/small.bin"
echo '{"model_type":"bert"}' > "$work/enc/config.json"
: > "$work/enc/empty"
: > "$work/enc/.cache/huggingface/download/large.bin.lock"
for at in $(seq 20); do echo "$at" > "$work/enc/many/$at ü+%.txt"; done
client() { "$cache/moto/bin/python" "$here/s3/client.py" "$straight" "$@"; }
client up "$work/enc" models acme/enc
client up "$work/enc" versions acme/enc versioned
cp -r "$work/enc" "$work/here"
(cd "$work" && weighmark keygen k --no-password) > /dev/null

same_lines() {
  (cd "$work" && weighmark hash enc | sed 's|  enc/|  |') > "$work/here.txt"
  weighmark hash "$1" | sed "s|  $1/|  |" > "$work/there.txt"
  cmp "$work/here.txt" "$work/there.txt" && [ "$(wc -l < "$work/here.txt")" = 24 ]
}
check 'hash: the lines of the same folder here, of each name' same_lines s3://models/acme/enc
client empty models many 1002
check 'hash: over two pages' ends 0 '/1002$' weighmark hash s3://models/many
check 'hash: of a bucket that keeps versions' same_lines s3://versions/acme/enc
parts() {
  local at
  for at in 1 2 3; do weighmark hash s3://models/acme/enc --part $at/3 -o "$work/parts-$at" || return; done
  weighmark hash --join "$work"/parts-* | sed 's|  s3://models/acme/enc/|  |' | cmp - "$work/here.txt"
}
check 'hash --part: by three workers' parts
check 'scan' ends 0 '24 files' weighmark scan s3://models/acme/enc
check 'inspect' ends 0 bert weighmark inspect s3://models/acme/enc
check 'verify: nobody signed it' ends 3 'nobody signed' weighmark verify s3://models/acme/enc --key "$work/k.pub"
id_of() { sed -n 's/^SEALED.*(\(sha256:[0-9a-f]*\)).*/\1/p' "$1"; }
sealed_alike() {
  weighmark seal "$work/here" --name acme/enc:1 --key "$work/k.key" > "$work/sealed-here" || return
  weighmark seal s3://models/acme/enc --name acme/enc:1 --key "$work/k.key" > "$work/sealed-there" || return
  cat "$work/sealed-there"
  [ -n "$(id_of "$work/sealed-here")" ] && [ "$(id_of "$work/sealed-here")" = "$(id_of "$work/sealed-there")" ]
}
check 'seal: the id of the same folder here' sealed_alike
check 'verify: where it lies' ends 0 '^VERIFIED' weighmark verify s3://models/acme/enc --key "$work/k.pub"
check 'verify --to: the verified bytes' ends 0 '^VERIFIED' weighmark verify s3://models/acme/enc --key "$work/k.pub" --to "$work/out"
check 'which are those' diff -r -x model.sig -x claims.jsonl -x .weighmark -x .cache "$work/enc" "$work/out"
client down models acme/enc "$work/down"
check 'verify: after a download by another client' ends 0 '^VERIFIED' weighmark verify "$work/down" --key "$work/k.pub"
client put "$work/enc/small.bin" models one/small.bin
check 'seal one object' ends 0 '^SEALED' weighmark seal s3://models/one/small.bin --key "$work/k.key"
check 'verify one object' ends 0 '^VERIFIED' weighmark verify s3://models/one/small.bin --key "$work/k.pub"
signed_elsewhere() {
  weighmark sign s3://versions/acme/enc --signature "$work/elsewhere.sig" --key "$work/k.key" &&
    weighmark verify s3://versions/acme/enc --signature "$work/elsewhere.sig" --key "$work/k.pub"
}
check 'sign: the signature here, the objects there' signed_elsewhere

through() { # through MODE: between us and the store
  node "$here/s3/in-between.mjs" "$port" "$1" > "$work/port-$1" &
  pids+=($!)
  for _ in $(seq 100); do [ -s "$work/port-$1" ] && break; sleep 0.1; done
  export AWS_ENDPOINT_URL_S3="http://127.0.0.1:$(cat "$work/port-$1")"
}
through cut
check 'what is cut is asked for again' ends 0 '^VERIFIED' weighmark verify s3://models/acme/enc --key "$work/k.pub"
through deny
check 'seal: where nothing may be written, said before reading' ends 2 'sign PATH --signature' \
  weighmark seal s3://versions/acme/enc --key "$work/k.key"
through elsewhere
check 'a redirect is not followed' ends 4 'not followed' weighmark verify s3://models/acme/enc --key "$work/k.pub"
through swap
check 'what is replaced between two ranges is refused' ends 1 'file-changed' weighmark verify s3://models/acme/enc --key "$work/k.pub"
export AWS_ENDPOINT_URL_S3=$straight
check 'and does not verify then' ends 1 'digest-mismatch' weighmark verify s3://models/acme/enc --key "$work/k.pub"
check 'no such bucket' ends 2 'no such bucket' weighmark hash s3://nothing-here/x
check 'nothing below' ends 2 'nothing below' weighmark hash s3://models/none
check 'offline' ends 4 offline weighmark hash s3://models/acme/enc --offline
AWS_SECRET_ACCESS_KEY='' AWS_ACCESS_KEY_ID='' AWS_EC2_METADATA_DISABLED=true \
  check 'no credentials' ends 2 AWS_PROFILE weighmark hash s3://models/acme/enc
check 'a list of checksums sends nobody to a store' ends 1 's3://' weighmark hash --check <(echo "$(printf '0%.0s' {1..64})  s3://models/acme/enc/empty")
unspoken() { ! grep -e interop+secret -e AKIAINTEROP "$work/everything"; }
check 'no credential was printed' unspoken

truncate -s 700M "$work/big.bin" && client put "$work/big.bin" models big.bin
megabytes() {
  python3 - "$work/user/node_modules/.bin/weighmark" "$@" <<'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
PY
}
bounded() {
  local most
  most=$(megabytes hash s3://models/big.bin) && echo "700 MiB hashed with $most MiB of memory" | tee "$work/memory" && [ "$most" -lt 400 ]
}
check 'memory does not grow with an object' bounded
cat "$work/memory"
echo "s3: $passed passed, $failed failed"
[ "$failed" = 0 ]
