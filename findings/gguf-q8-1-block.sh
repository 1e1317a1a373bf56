#!/usr/bin/env bash
# gguf counts 40 bytes for a block of Q8_1; ggml keeps 36 (two halves and 32 bytes), so sizes by the two differ.
# Seen, and expected still:
#   gguf 0.19.0
#   (32, 40)
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'gguf==0.19.0' 'numpy==2.4.6'
cd "$work"
cat >finding.py <<'PY'
import importlib.metadata as m, gguf
print("gguf", m.version("gguf"))
print(gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType.Q8_1])
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
