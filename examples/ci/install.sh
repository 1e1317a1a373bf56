#!/usr/bin/env bash
# Installs one exact version of weighmark outside the checkout, ignoring the checkout's .npmrc and running no scripts.
set -euo pipefail
version=$1 integrity=${2:-}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([-.a-z0-9]*)$ ]] || { echo "not an exact version: $version" >&2; exit 2; }

home=${RUNNER_TEMP:-$(mktemp -d)}/weighmark
mkdir -p "$home"
cd "$home"
package=${WEIGHMARK_PACKAGE:-weighmark@$version}
printf '{"private":true}\n' > package.json
npm install --ignore-scripts --no-audit --no-fund --userconfig /dev/null --save-exact "$package" >&2

if [[ -n $integrity ]]; then
  found=$(node -p 'require("./package-lock.json").packages["node_modules/weighmark"].integrity ?? ""')
  [[ $found == "$integrity" ]] || { echo "weighmark $version has integrity $found, not $integrity" >&2; exit 1; }
fi
bin=$("$(dirname "${BASH_SOURCE[0]}")/own-node.sh" "$home")
if [[ -n ${GITHUB_PATH:-} ]]; then echo "$bin" >> "$GITHUB_PATH"; else echo "$bin"; fi
