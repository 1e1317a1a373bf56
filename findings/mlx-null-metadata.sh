#!/usr/bin/env bash
# MLX writes `__metadata__: null` where there is no metadata; the format's own text has an object of texts
# there, or nothing.
# Seen, and expected still:
#   mlx 0.32.4
#   {"__metadata__":null,"a":{"data_offsets":[0,4],"dtype":"F32","shape":[1]}}
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'mlx[cpu]==0.32.4'
cd "$work"
cat >finding.py <<'PY'
import importlib.metadata as m, mlx.core as mx
mx.save_safetensors("a.safetensors", {"a": mx.ones((1,))})
b = open("a.safetensors", "rb").read()
print("mlx", m.version("mlx"))
print(b[8 : 8 + int.from_bytes(b[:8], "little")].decode())
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
