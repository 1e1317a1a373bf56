#!/usr/bin/env bash
# zarr reads an array by what the group above it consolidated, without a look at the array's own description: opened
# through the group and by itself one array has two values.
# Seen, and expected still:
#   zarr 3.1.6
#   version 2 through the group [9.0] by itself [3.0]
#   version 3 through the group [9.0] by itself [3.0]
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'zarr==3.1.6'
cd "$work"
cat >finding.py <<'PY'
import json
import zarr
print("zarr", zarr.__version__)
def change(path, keys):
    with open(path) as file:
        whole = json.load(file)
    place = whole
    for key in keys:
        place = place[key]
    place["fill_value"] = 9
    with open(path, "w") as file:
        json.dump(whole, file)
for version, name, keys in ((2, ".zmetadata", ["metadata", "w/.zarray"]), (3, "zarr.json", ["consolidated_metadata", "metadata", "w"])):
    folder = f"v{version}"
    zarr.open_group(folder, mode="w", zarr_format=version).create_array("w", shape=(4,), chunks=(2,), dtype="f4", fill_value=3)
    zarr.consolidate_metadata(folder, zarr_format=version)
    change(f"{folder}/{name}", keys)
    group, own = zarr.open_group(folder, mode="r")["w"][:], zarr.open_array(f"{folder}/w", mode="r")[:]
    print("version", version, "through the group", sorted(set(group.tolist())), "by itself", sorted(set(own.tolist())))
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
