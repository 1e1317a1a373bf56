#!/usr/bin/env bash
# The HTML pages in a real browser, checked with axe-core: light and dark, wide and narrow, hostile content, a thousand
# artifacts; the drawn lineage moved, zoomed and folded. Needs Chromium (CHROMIUM, default /usr/bin/chromium: `apt-get install
# chromium`) and npm's registry; installs into WEIGHMARK_CACHE (default: the user's cache folder). REPORT_SCREENSHOTS=FOLDER keeps pictures.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export PATH="$root/node_modules/.bin:$PATH" CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
cache=${WEIGHMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weighmark-interop}/browser
if [ ! -x "$CHROMIUM" ]; then
  [ -z "${CI:-}" ] || [ -n "${WEIGHMARK_NO_BROWSER:-}" ] || { echo "no Chromium at $CHROMIUM (apt-get install chromium; WEIGHMARK_NO_BROWSER=1 goes without)" >&2; exit 1; }
  echo "skipped: no Chromium at $CHROMIUM"
  exit 0
fi
mkdir -p "$cache"
if [ ! -d "$cache/node_modules/axe-core" ]; then
  (cd "$cache" && printf '{"private":true}\n' > package.json && npm install --ignore-scripts --no-audit --no-fund --silent axe-core@4.14.1 playwright-core@1.65.1)
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node "$root/test/interop/report-browser/pages.ts" "$work"
cd "$cache"
node "$root/test/interop/report-browser/graph.mjs" "$work"/report*.html "$work/lineage.html"
node "$root/test/interop/report-browser/check.mjs" "$work"/*.html
