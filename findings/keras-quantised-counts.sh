#!/usr/bin/env bash
# Keras' count_params counts what lies in memory: int4 makes 180 of 212 parameters (pairs in one byte, scales
# added), float8 6362 (histories).
# Seen, and expected still:
#   keras 3.15.1
#   float32 212
#   int4 180
#   float8 6362
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'keras==3.15.1' 'jax==0.10.2'
cd "$work"
cat >finding.py <<'PY'
import keras
from keras import layers
def model(): return keras.Sequential([keras.Input((8,)), layers.Dense(16), layers.Dense(4)])
print("keras", keras.__version__)
print("float32", model().count_params())
for mode in ("int4", "float8"):
    each = model(); each.quantize(mode); print(mode, each.count_params())
PY
seen=$(PYTHONPATH="$work/lib" KERAS_BACKEND=jax PYTHONWARNINGS=ignore python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
