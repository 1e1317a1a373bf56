#!/usr/bin/env bash
# Keras' index of sharded weights maps a layer to a list of files where it lies in two, and states total_size as
# a float.
# Seen, and expected still:
#   keras 3.15.1
#   {'total_size': 848.0} ['m_00000.weights.h5', 'm_00001.weights.h5']
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'keras==3.15.1' 'jax==0.10.2'
cd "$work"
cat >finding.py <<'PY'
import json, keras
from keras import layers
keras.Sequential([keras.Input((8,)), layers.Dense(16), layers.Dense(4)]).save_weights("m.weights.json", max_shard_size=0.0000005)
index = json.load(open("m.weights.json"))
print("keras", keras.__version__)
print(index["metadata"], index["weight_map"]["/layers/dense/vars"])
PY
seen=$(PYTHONPATH="$work/lib" KERAS_BACKEND=jax PYTHONWARNINGS=ignore python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
