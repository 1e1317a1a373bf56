#!/usr/bin/env bash
# Round trips with other people's clients against registries on loopback (distribution without, go-containerregistry's with the
# referrers API): what weighmark sealed and pushed, pulled by ORAS, a ModelPack client and Docker Model Runner's own library;
# what they pushed, shown, inspected, scanned, attested, verified, pulled and sealed by weighmark.
# Needs Go, Python and their package registries. Docker Model Runner asks for a newer Go, which the Go module proxy brings.
# Not had: KitOps, modctl and zot, whose modules the proxy does not serve; what they push is built in test/cli/foreign.test.ts.
. "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
built() { [ -x "$GOBIN/$1" ]; }
built registry || nice -n 19 go install github.com/distribution/distribution/v3/cmd/registry@v3.1.2
built oras || nice -n 19 go install oras.land/oras/cmd/oras@v1.3.6
built ociserver || { cp -r "$here/registry" "$work/ociserver"; (cd "$work/ociserver" && nice -n 19 go install ./ociserver); }
built dmr || { cp -r "$here/clients/dmr" "$work/dmr"; (cd "$work/dmr" && GOTOOLCHAIN=go1.27.3 nice -n 19 go install .); }
modelpack="$cache/modelpack/bin/modelpack"
[ -x "$modelpack" ] || { python3 -m venv "$cache/modelpack" && "$cache/modelpack/bin/pip" install -q modelpack-client==0.1.0 oras==0.2.43; }

export HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" XDG_STATE_HOME="$work/home/.local/state" DOCKER_CONFIG="$work/home/.docker"
unset WEIGHMARK_REGISTRY WEIGHMARK_STATE WEIGHMARK_LOG_KEY
mkdir -p "$DOCKER_CONFIG"
cd "$work"
weighmark() { node "$root/bin/weighmark.js" "$@"; }
oras() { "$GOBIN/oras" "$@"; }
free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
wait_for() { for _ in $(seq 100); do curl -ks "$1" -o /dev/null && return 0; sleep 0.1; done; return 1; }

weighmark keygen anna --no-password >/dev/null
mkdir -p model/sub gguf
node "$here/clients/make-models.ts" model/model.safetensors gguf/model-q4.gguf
echo '{"model_type":"bert"}' > model/config.json
echo '{"version":"1.0","model":{"type":"WordLevel","vocab":{},"unk_token":""}}' > model/tokenizer.json
printf '# A model\n' > model/README.md
printf 'MIT License\n' > model/LICENSE
printf 'notes\n' > model/sub/notes.txt
cp -r model plain
weighmark seal model --key anna.key --name acme/enc:1 >/dev/null
cp -r gguf sealed-gguf
weighmark seal sealed-gguf --key anna.key --name acme/gguf:1 >/dev/null

same_files() { # same_files SEALED PULLED: every file of the one lies in the other, byte for byte, and nothing else but sidecars
  diff -r -x model.sig -x claims.jsonl -x .weighmark "$1" "$2"
}
claims_by_oras() { # claims_by_oras REF DIR: the sidecars, as ORAS alone finds them
  local digest blob
  for digest in $(oras discover --plain-http --format json "$1" | jq_digests); do
    blob=$(oras manifest fetch --plain-http "${1%:*}@$digest" | node -p 'JSON.parse(require("fs").readFileSync(0)).layers[0].digest')
    oras blob fetch --plain-http "${1%:*}@$blob" -o "$2.blob" >/dev/null
    oras manifest fetch --plain-http "${1%:*}@$digest" > "$2.manifest"
    if grep -q model_signing "$2.manifest"; then cp "$2.blob" "$2/model.sig"
    else cat "$2.blob" >> "$2/claims.jsonl"; echo >> "$2/claims.jsonl"; fi
  done
}
jq_digests() { # of the referrers that are claims
  node -p 'JSON.parse(require("fs").readFileSync(0)).referrers.filter((r) => r.annotations?.["dev.sigstore.bundle.content"]).map((r) => r.digest).join(" ")'
}
pulled_by_oras_verifies() { # REF SEALED
  local to="oras-$RANDOM"
  oras pull --plain-http "$1" -o "$to" && same_files "$2" "$to" && claims_by_oras "$1" "$to" && weighmark verify "$to" --key anna.pub > verdict
  cat verdict
  grep -q 'ML-BOM by' verdict
}
pulled_by_modelpack_verifies() { # REF SEALED
  local to="modelpack-$RANDOM"
  "$modelpack" --insecure pull "$1" "$to" && same_files "$2" "$to" && cp -r "$2/model.sig" "$2/claims.jsonl" "$to" && weighmark verify "$to" --key anna.pub
}
pulled_by_dmr_holds() { # REF SEALED: each file of the one lies somewhere in the folder that its runners are handed
  local bundle file
  bundle=$("$GOBIN/dmr" pull "$1" "store-$RANDOM" 2>dmr.log) || { cat dmr.log; return 1; }
  find "$bundle" -type f -exec sha256sum {} + | tee dmr.sums
  for file in $(cd "$2" && find . -type f ! -name model.sig ! -name claims.jsonl ! -path './.weighmark/*'); do
    grep -q "^$(sha256sum < "$2/$file" | cut -c1-64)" dmr.sums || { echo "not there: $file"; return 1; }
  done
}

# What another client pushed, by every command that takes it.
lists_files() { weighmark show "$1" --registry "$registry" --json | node -e 'const { files } = JSON.parse(require("fs").readFileSync(0)); console.log(files.map((f) => f.path).join(" ")); process.exit(files.map((f) => f.path).join(" ") === process.argv[1] ? 0 : 1)' "$2"; }
exits() { local code=$1 got=0; shift; "$@" || got=$?; [ "$got" = "$code" ] || { echo "exit $got, not $code"; return 1; }; }
taken() { # taken WHO NAME "FILE FILE": the files that weighmark sees in it, sorted
  check "$name: $1: files" lists_files "$2" "$3"
  check "$name: $1: inspect" weighmark inspect "$2" --registry "$registry"
  check "$name: $1: nobody signed it" exits 3 weighmark verify "$2" --registry "$registry" --key anna.pub
  check "$name: $1: attest where it lies" weighmark attest "$2" --registry "$registry" --type evaluation --result passed --metric a=1 --key anna.key
  check "$name: $1: verify where it lies" weighmark verify "$2" --registry "$registry" --key anna.pub
  check "$name: $1: pull" weighmark pull "$2" "got-$name-$1" --registry "$registry"
  check "$name: $1: scan" weighmark scan "got-$name-$1"
  check "$name: $1: seal" weighmark seal "got-$name-$1" --key anna.key --name "taken/$1:1"
  check "$name: $1: push again, as ours" weighmark push "got-$name-$1" --registry "$registry"
  check "$name: $1: verify what was sealed" weighmark verify "taken/$1:1" --registry "$registry" --key anna.pub
}

plain_port=$(free_port); referrers_port=$(free_port)
cat > distribution.yml <<Y
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/data}, delete: {enabled: true}}
http: {addr: '127.0.0.1:$plain_port'}
Y
"$GOBIN/registry" serve distribution.yml >/dev/null 2>&1 & pids+=($!)
"$GOBIN/ociserver" "$referrers_port" & pids+=($!)
wait_for "http://127.0.0.1:$plain_port/v2/"; wait_for "http://127.0.0.1:$referrers_port/v2/"

for server in "distribution $plain_port" "go-containerregistry $referrers_port"; do
  set -- $server
  name=$1; host="127.0.0.1:$2/team"; registry="oci://$host"
  weighmark registry init "$registry" >/dev/null
  check "$name: push of a sealed model" weighmark push model --registry "$registry" --manifest 2
  check "$name: push of a sealed GGUF" weighmark push sealed-gguf --registry "$registry" --manifest 2
  check "$name: oras pulls every file and claim, and it verifies" pulled_by_oras_verifies "$host/acme/enc:1" model
  check "$name: modelpack pulls every file, and it verifies" pulled_by_modelpack_verifies "$host/acme/enc:1" model
  check "$name: Docker Model Runner pulls the GGUF" pulled_by_dmr_holds "$host/acme/gguf:1" gguf
  check "$name: Docker Model Runner pulls every file" pulled_by_dmr_holds "$host/acme/enc:1" model
  # Version 1 has no titles, by which ORAS alone finds files.
  check "$name: push in version 1, as sealed" weighmark push model acme/one:1 --registry "$registry"
  check "$name: modelpack pulls every file of version 1" pulled_by_modelpack_verifies "$host/acme/one:1" model
  check "$name: Docker Model Runner pulls every file of version 1" pulled_by_dmr_holds "$host/acme/one:1" model

  (cd plain && oras push --plain-http "$host/oras/enc:1" model.safetensors config.json README.md:text/markdown sub) >/dev/null
  taken oras oras/enc:1 'README.md config.json model.safetensors sub.tar.gz'
  echo '{"descriptor":{"name":"enc"},"config":{"format":"safetensors"}}' > config.json
  (cd plain && "$modelpack" --insecure push "$host/modelpack/enc:1" --config ../config.json --layer model.safetensors \
    --layer config.json:application/vnd.cncf.model.weight.config.v1.raw --layer README.md:application/vnd.cncf.model.doc.v1.raw \
    --layer sub:application/vnd.cncf.model.doc.v1.tar+gzip) >/dev/null
  taken modelpack modelpack/enc:1 'README.md config.json model.safetensors sub.tar.gz'
  for format in docker cncf; do
    "$GOBIN/dmr" push "$host/dmr/gguf-$format:1" "$format" gguf/model-q4.gguf 2>dmr.log
    taken "dmr-gguf-$format" "dmr/gguf-$format:1" 'model-q4.gguf'
    "$GOBIN/dmr" push "$host/dmr/enc-$format:1" "$format" plain 2>dmr.log
    taken "dmr-$format" "dmr/enc-$format:1" 'LICENSE README.md config.json model.safetensors sub/notes.txt tokenizer.json'
  done
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
