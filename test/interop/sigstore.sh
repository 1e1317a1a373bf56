#!/usr/bin/env bash
# Proves on real servers that Sigstore bundles go both ways: Fulcio, Rekor v2, a timestamp authority and cosign, built through
# the Go module proxy; sigstore-python and model_signing from PyPI; all on loopback. The first run compiles for some minutes,
# later ones start at once: everything is kept in WEIGHMARK_CACHE, outside the clone.
# What cannot be had is said plainly and fails the run, unless WEIGHMARK_CI_OPTIONAL=1.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"

if [ -z "${WEIGHMARK_CACHE:-}" ]; then
  if mkdir -p /var/cache/weighmark 2>/dev/null && [ -w /var/cache/weighmark ]; then WEIGHMARK_CACHE=/var/cache/weighmark
  else WEIGHMARK_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/weighmark; fi
fi
mkdir -p "$WEIGHMARK_CACHE/go"
tools=$WEIGHMARK_CACHE/go/bin
venv=$WEIGHMARK_CACHE/python-sigstore

# Newer versions need Go 1.27.
servers=(
  "posix github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v2.3.0"
  "timestamp-server github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server@v2.1.3"
  "fulcio github.com/sigstore/fulcio@v1.8.8"
)
cosign="cosign github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3"

absent=()

build() { # NAME PACKAGE@VERSION
  local name=$1 package=$2
  [ "$(cat "$tools/$name.version" 2>/dev/null)" = "$package" ] && [ -x "$tools/$name" ] && return 0
  command -v go >/dev/null || { absent+=("$name (no Go here)"); return 0; }
  echo "sigstore: building $package (once; some minutes)"
  if GOMODCACHE=${GOMODCACHE:-$WEIGHMARK_CACHE/go/mod} GOCACHE=${GOCACHE:-$WEIGHMARK_CACHE/go/build} GOBIN=$tools \
    GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0 nice -n 10 go install -ldflags='-s -w' "$package"; then
    echo "$package" > "$tools/$name.version"
  else
    absent+=("$name ($package does not build or cannot be fetched)")
  fi
}

build_judge() { # sigstore-go, by which cosign verifies, as a judge of many bundles
  [ -x "$tools/sigstore-go" ] && return 0
  command -v go >/dev/null || { absent+=("sigstore-go (no Go here)"); return 0; }
  local copy
  copy=$(mktemp -d)
  cp -r test/interop/differential/sigstore-go/. "$copy"
  (cd "$copy" && GOMODCACHE=${GOMODCACHE:-$WEIGHMARK_CACHE/go/mod} GOCACHE=${GOCACHE:-$WEIGHMARK_CACHE/go/build} GOBIN=$tools \
    GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0 nice -n 10 go install -ldflags='-s -w' .) || absent+=("sigstore-go (does not build)")
  rm -rf "$copy"
}

python() { # what sigstore-python and model_signing need; pyOpenSSL is imported by model_signing, which forgets to say so
  local wanted="sigstore==4.5.1 model-signing==1.1.1 pyOpenSSL==26.4.0"
  [ "$(cat "$venv/wanted" 2>/dev/null)" = "$wanted" ] && return 0
  command -v python3 >/dev/null || { absent+=("sigstore-python and model_signing (no Python here)"); return 0; }
  echo "sigstore: installing $wanted (once)"
  # shellcheck disable=SC2086
  if python3 -m venv "$venv" && nice -n 10 "$venv/bin/pip" install --quiet $wanted; then echo "$wanted" > "$venv/wanted"
  else absent+=("sigstore-python and model_signing (pip could not install $wanted)"); fi
}

for server in "${servers[@]}"; do build $server; done
build $cosign
[ "${WEIGHMARK_DIFFERENTIAL:-}" != 1 ] || build_judge
python

for what in ${absent[@]+"${absent[@]}"}; do echo "sigstore: NOT HAD: $what" >&2; done
if [ "${#absent[@]}" -gt 0 ] && [ "${WEIGHMARK_CI_OPTIONAL:-}" != 1 ]; then
  echo "sigstore: interoperability is not proven; WEIGHMARK_CI_OPTIONAL=1 lets that pass" >&2
  exit 1
fi

# Bundles and trusted roots changed in one place each: what another verifier refuses is accepted here only where it is explained.
# With keys made anew each time; outside of CI, by WEIGHMARK_DIFFERENTIAL=1.
differ() {
  local folder
  folder=$(mktemp -d)
  node test/interop/differential/sigstore.ts make "$folder"
  "$venv/bin/python" test/interop/differential/sigstore_verdicts.py "$folder" 2>"$folder/log"
  node test/interop/differential/sigstore.ts compare "$folder" 'sigstore 4.5.1'
  "$tools/sigstore-go" "$folder"
  node test/interop/differential/sigstore.ts compare "$folder" 'sigstore-go 1.2.2'
  rm -rf "$folder"
}
[ "${WEIGHMARK_DIFFERENTIAL:-}" != 1 ] || differ

for server in "${servers[@]}"; do
  [ -x "$tools/${server%% *}" ] || { echo "sigstore: SKIPPED: without ${server%% *} there is no Sigstore to try against" >&2; exit 0; }
done

export WEIGHMARK_INTEROP_BIN=$tools WEIGHMARK_INTEROP_VENV=$venv
node --test --test-reporter=spec test/interop/sigstore/prove.ts
