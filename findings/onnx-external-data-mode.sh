#!/usr/bin/env bash
# onnx.save makes the file of external data readable by its owner alone, the model beside it by everybody (umask
# 022).
# Seen, and expected still:
#   onnx 1.23.2
#   m.onnx 0o644
#   m.data 0o600
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'onnx==1.23.2' 'numpy==2.4.6'
cd "$work"
cat >finding.py <<'PY'
import os; os.umask(0o022)
import numpy as np, onnx
from onnx import helper, numpy_helper
weight = numpy_helper.from_array(np.ones(3, "float32"), "w")
model = helper.make_model(helper.make_graph([], "g", [], [], [weight]))
onnx.save(model, "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
print("onnx", onnx.__version__)
for name in ("m.onnx", "m.data"): print(name, oct(os.stat(name).st_mode & 0o777))
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
