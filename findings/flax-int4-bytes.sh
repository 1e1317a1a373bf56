#!/usr/bin/env bash
# Flax writes an int4 array with a byte for each value, not for each pair: the type's name says half of what
# lies there.
# Seen, and expected still:
#   flax 0.12.8
#   4 more values take 4 more bytes
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'flax==0.12.8' 'jax==0.10.2'
cd "$work"
cat >finding.py <<'PY'
import importlib.metadata as m, flax.serialization as s, jax.numpy as jnp
sizes = [len(s.to_bytes({"q": jnp.ones(count, jnp.int4)})) for count in (4, 8)]
print("flax", m.version("flax"))
print("4 more values take", sizes[1] - sizes[0], "more bytes")
PY
seen=$(PYTHONPATH="$work/lib" PYTHONWARNINGS=ignore python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
