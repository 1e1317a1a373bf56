#!/usr/bin/env bash
# CatBoost with a fixed seed writes other bytes each time: a random model id and the time of training stand in
# the file.
# Seen, and expected still:
#   catboost 1.2.10
#   same bytes False same model_guid False
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'catboost==1.2.10'
cd "$work"
cat >finding.py <<'PY'
import catboost
def once(name):
    model = catboost.CatBoostClassifier(iterations=1, depth=1, verbose=False, allow_writing_files=False, random_seed=1, thread_count=1)
    model.fit([[0], [1], [0], [1]], [0, 1, 0, 1]).save_model(name)
    return open(name, "rb").read(), dict(model.get_metadata())
(a, first), (b, second) = once("a.cbm"), once("b.cbm")
print("catboost", catboost.__version__)
print("same bytes", a == b, "same model_guid", first["model_guid"] == second["model_guid"])
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
