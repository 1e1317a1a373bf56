#!/usr/bin/env bash
# XGBoost writes the number -0E0 into its JSON models: valid JSON that a round trip through most readers
# changes.
# Seen, and expected still:
#   xgboost 3.2.0
#   "base_weights":[-0E0] {'base_weights': [-0.0]}
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'xgboost-cpu==3.2.0' 'numpy==2.4.6'
cd "$work"
cat >finding.py <<'PY'
import json, numpy as np, xgboost
x = np.arange(8, dtype="float32").reshape(4, 2)
xgboost.train({"max_depth": 1, "objective": "binary:logistic", "gamma": 1e9}, xgboost.DMatrix(x, [0, 1, 0, 1]), 1).save_model("m.json")
text = open("m.json").read()
tree = text[text.index('"base_weights"') :]
print("xgboost", xgboost.__version__)
print(tree[: tree.index("]") + 1], json.loads("{" + tree[: tree.index("]") + 1] + "}"))
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
