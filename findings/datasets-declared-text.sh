#!/usr/bin/env bash
# A card that declares a column of a CSV or of JSON lines to be text does not keep it as it stands: `datasets` reads the file first, as
# numbers and times, and makes text of those.
# Seen, and expected still:
#   datasets 5.2.0
#   csv Value('string') ['123', '7']
#   json Value('string') ['2024-01-02 03:04:05', '2024-01-02 03:04:06']
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'datasets==5.2.0' 'pandas==3.1.1' 'pyarrow==26.0.1'
cd "$work"
export HF_HOME="$work/home" HF_HUB_OFFLINE=1
mkdir csv json
printf -- '---\ndataset_info:\n  features:\n  - name: text\n    dtype: string\n---\n' | tee csv/README.md > json/README.md
printf 'text\n00123\n7\n' > csv/train.csv
printf '{"text":"2024-01-02T03:04:05"}\n{"text":"2024-01-02T03:04:06"}\n' > json/train.jsonl
cat >finding.py <<'PY'
import datasets
print("datasets", datasets.__version__)
for kind in ("csv", "json"):
    rows = datasets.load_dataset("./" + kind)["train"]
    print(kind, rows.features["text"], rows["text"][:])
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
