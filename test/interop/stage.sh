# Sourced by the stages that run other people's Go tools: where those are built, what is cleaned up, how checks are counted.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export PATH="$root/node_modules/.bin:$PATH"
cache=${WEIGHMARK_INTEROP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weighmark-interop}
export GOMODCACHE="$cache/mod" GOCACHE="$cache/build" GOBIN="$cache/bin" GOFLAGS=-mod=mod GOTOOLCHAIN=local
work=$(mktemp -d)
pids=()
finish() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"; }
trap finish EXIT

passed=0
failed=0
check() { # check WHAT COMMAND...: runs it, counts it
  local what=$1; shift
  if "$@" >"$work/last.log" 2>&1; then passed=$((passed + 1)); echo "ok      $what"
  else failed=$((failed + 1)); echo "FAILED  $what"; sed 's/^/        /' "$work/last.log" | tail -20; fi
}
