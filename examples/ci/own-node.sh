#!/usr/bin/env bash
# Prints the folder that holds a `weighmark` which runs, for PATH. The argument is where npm installed it. A runner whose Node is too
# old for it gets one of its own from npm's registry, for weighmark alone: the job's Node stays what it is.
set -euo pipefail
home=$1 node=24.21.0
if "$home/node_modules/.bin/weighmark" --version >/dev/null 2>&1; then echo "$home/node_modules/.bin"; exit 0; fi
case $(uname -s)-$(uname -m) in
  Linux-x86_64) platform=linux-x64 ;;
  Linux-aarch64 | Linux-arm64) platform=linux-arm64 ;;
  Darwin-x86_64) platform=darwin-x64 node=26.10.0 ;;
  Darwin-arm64) platform=bin-darwin-arm64 node=26.10.0 ;;
  *) "$home/node_modules/.bin/weighmark" --version >&2; exit 2 ;;
esac
echo "this Node is too old: weighmark runs on Node $node of its own" >&2
cd "$home"
npm install --ignore-scripts --no-audit --no-fund --userconfig /dev/null --save-exact "node-$platform@$node" >&2
mkdir -p bin
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$home/node_modules/node-$platform/bin/node" \
  "$home/node_modules/weighmark/bin/weighmark.js" > bin/weighmark
chmod +x bin/weighmark
bin/weighmark --version >/dev/null
echo "$home/bin"
