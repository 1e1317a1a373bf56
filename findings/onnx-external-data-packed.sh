#!/usr/bin/env bash
# onnx.save lays external tensors end to end: the second starts at byte 12, though the format advises offsets of
# whole pages for mapping.
# Seen, and expected still:
#   onnx 1.23.2
#   a {'location': 'm.data', 'offset': '0', 'length': '12'}
#   b {'location': 'm.data', 'offset': '12', 'length': '12'}
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'onnx==1.23.2' 'numpy==2.4.6'
cd "$work"
cat >finding.py <<'PY'
import numpy as np, onnx
from onnx import helper, numpy_helper
weights = [numpy_helper.from_array(np.ones(3, "float32"), name) for name in "ab"]
onnx.save(helper.make_model(helper.make_graph([], "g", [], [], weights)), "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
print("onnx", onnx.__version__)
for tensor in onnx.load("m.onnx", load_external_data=False).graph.initializer:
    print(tensor.name, {entry.key: entry.value for entry in tensor.external_data})
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
