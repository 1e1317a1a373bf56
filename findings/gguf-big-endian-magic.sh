#!/usr/bin/env bash
# A big-endian GGUF has every number swapped but its magic: only the version, read the wrong way round, tells
# the byte order.
# Seen, and expected still:
#   gguf 0.19.0
#   4747554600000003
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'gguf==0.19.0' 'numpy==2.4.6'
cd "$work"
cat >finding.py <<'PY'
import importlib.metadata as m, gguf
w = gguf.GGUFWriter("be.gguf", "llama", endianess=gguf.GGUFEndian.BIG)
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
print("gguf", m.version("gguf"))
print(open("be.gguf", "rb").read(8).hex())
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
