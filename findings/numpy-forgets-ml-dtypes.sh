#!/usr/bin/env bash
# numpy.save of a bfloat16 or float8 array keeps the bytes and forgets the type: it comes back as raw void.
# Seen, and expected still:
#   numpy 2.4.6
#   bfloat16 comes back as |V2
#   float8_e4m3fn comes back as |V1
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'numpy==2.4.6' 'ml_dtypes==0.6.0'
cd "$work"
cat >finding.py <<'PY'
import io, ml_dtypes, numpy as np
print("numpy", np.__version__)
for dtype in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn):
    b = io.BytesIO(); np.save(b, np.ones(2, dtype)); b.seek(0)
    print(np.dtype(dtype), "comes back as", np.load(b).dtype)
PY
seen=$(PYTHONPATH="$work/lib" python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
