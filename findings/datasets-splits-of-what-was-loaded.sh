#!/usr/bin/env bash
# datasets writes down the splits of what was loaded: a folder with ten of its hundred rows states a hundred in dataset_info.json,
# and loads without a word. A dataset made in memory states none.
# Seen, and expected still:
#   datasets 5.2.0
#   stated 100 rows there 10
#   made in memory, states None
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet --disable-pip-version-check --no-compile 'datasets==5.2.0'
cd "$work"
cat >finding.py <<'PY'
import importlib.metadata as m, json
from datasets import Dataset, load_dataset, load_from_disk
stated = lambda folder: json.load(open(folder + "/dataset_info.json")).get("splits")
made = Dataset.from_dict({"n": list(range(100))})
made.save_to_disk("made")
made.to_parquet("n.parquet")
loaded = load_dataset("parquet", data_files="n.parquet", split="train", cache_dir="cache")
loaded.select(range(10)).save_to_disk("some")
print("datasets", m.version("datasets"))
print("stated", stated("some")["train"]["num_examples"], "rows there", len(load_from_disk("some")))
print("made in memory, states", stated("made"))
PY
seen=$(HF_HUB_OFFLINE=1 "$work/python/bin/python" - <finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
