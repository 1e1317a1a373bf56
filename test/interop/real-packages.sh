#!/usr/bin/env bash
# Scans real packages of PyPI and npm that hold models and data: no finding at high or above but those explained in
# real-packages.json, and under two in a hundred files at medium. Nothing is installed or executed: packages are downloaded
# and unpacked into WEIGHMARK_CACHE, outside the clone. About 1.4 GB, 13,000 files. What cannot be had fails the run, unless
# WEIGHMARK_CI_OPTIONAL=1.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${WEIGHMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weighmark}/real-packages
mkdir -p "$cache"

missing() {
  echo "real-packages: $1 cannot be had" >&2
  [ "${WEIGHMARK_CI_OPTIONAL:-}" = 1 ] || exit 1
}
list() { node -p "JSON.parse(fs.readFileSync('$root/test/interop/real-packages.json')).$1.join(' ')"; }
start() { # the folder of a package; false if it is there already
  folder=$cache/$1
  [ -e "$folder/.complete" ] && return 1
  rm -rf "$folder"
  mkdir -p "$folder"
}

for package in $(list pypi); do
  start "${package%%==*}" || continue
  python3 -m pip download --quiet --no-deps --dest "$folder" "$package" || { missing "$package"; continue; }
  for wheel in "$folder"/*.whl; do [ ! -e "$wheel" ] || { python3 -m zipfile -e "$wheel" "$folder" && rm "$wheel"; }; done
  for source in "$folder"/*.tar.gz; do [ ! -e "$source" ] || { tar -xzf "$source" -C "$folder" && rm "$source"; }; done
  touch "$folder/.complete"
done
for package in $(list npm); do
  name=${package%@*}
  start "npm-${name//[@\/]/_}" || continue
  (cd "$folder" && npm pack --silent "$package" > name && tar -xzf "$(cat name)" && rm "$(cat name)" name) || { missing "$package"; continue; }
  touch "$folder/.complete"
done

cd "$root"
WEIGHMARK_REAL_PACKAGES=$cache node --test test/interop/real-packages.test.ts
