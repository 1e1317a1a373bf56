#!/usr/bin/env bash
# The frozen build 0.1, checked out of this repository's own history, reads what the current build makes: it says what it
# always said, and what it does not know it refuses with a code; never a false yes. Needs openssl and the npm registry;
# installs into WEIGHMARK_CACHE, outside the clone. Skipped where the history does not reach back to 0.1.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
commit=$(cat "$root/fixtures/0.1/commit")
cache=${WEIGHMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weighmark}/frozen-0.1/$commit

if [ ! -e "$cache/.complete" ]; then
  if ! git -C "$root" cat-file -e "$commit^{commit}" 2>/dev/null; then
    if [ "$(git -C "$root" rev-parse --is-shallow-repository 2>/dev/null)" = false ]; then
      echo "frozen-0.1: the commit $commit of fixtures/0.1/commit is not in this repository" >&2
      exit 1
    fi
    echo "frozen-0.1: skipped: this is a shallow clone or none, without the commit $commit (git fetch --unshallow)"
    exit 0
  fi
  rm -rf "$cache"
  mkdir -p "$cache"
  git -C "$root" archive "$commit" | tar x -C "$cache"
  (cd "$cache" && npm ci --ignore-scripts --omit=dev --no-audit --no-fund --silent)
  touch "$cache/.complete"
fi

cd "$root"
WEIGHMARK_FROZEN=$cache node --import ./test/own-temporary-folder.ts --test test/interop/frozen-0.1.test.ts
