#!/usr/bin/env bash
# `audit --metrics` as those read it who are meant to: Prometheus' own promtool (`apt-get install prometheus`, or PROMTOOL), and
# the strict OpenMetrics parser of the Python client (from PyPI, into a folder of its own).
. "$(dirname "$0")/stage.sh"
promtool=${PROMTOOL:-$(command -v promtool || true)}
if [ -z "$promtool" ] && [ -n "${CI:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -q && apt-get install -y -q --no-install-recommends prometheus; } >/dev/null || true
  promtool=$(command -v promtool || true)
fi
python=$cache/prometheus-client
[ -d "$python" ] || python3 -m pip install --quiet --target "$python" prometheus-client==0.23.1
node "$root/test/interop/metrics/make.ts" > "$work/audit.prom"
check 'the strict OpenMetrics parser of the Python client reads all families' \
  env PYTHONPATH="$python" python3 "$root/test/interop/metrics/read.py" "$work/audit.prom"
if [ -z "$promtool" ]; then echo 'skipped: no promtool (apt-get install prometheus)'
else
  check 'promtool check metrics' "$promtool" check metrics < "$work/audit.prom"
  sed -E '/^#/!s/$/ 1795996800/' "$work/audit.prom" > "$work/dated.prom"
  check 'promtool imports it as OpenMetrics' "$promtool" tsdb create-blocks-from openmetrics "$work/dated.prom" "$work/blocks"
  cut() { head -c -7 "$work/dated.prom" > "$work/cut.prom"; ! "$promtool" tsdb create-blocks-from openmetrics "$work/cut.prom" "$work/none"; }
  check 'and refuses it without its end' cut
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
