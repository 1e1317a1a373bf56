#!/usr/bin/env bash
# Orbax names its data files at random: the same tree saved twice has no data file of one name.
# Seen, and expected still:
#   orbax-checkpoint 0.12.8
#   data files 1 of one name 0
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-compile --root-user-action=ignore --target "$work/lib" \
  'orbax-checkpoint==0.12.8' 'jax==0.10.2'
cd "$work"
cat >finding.py <<'PY'
import importlib.metadata as m, os, jax.numpy as jnp, orbax.checkpoint as ocp
names = []
for each in "ab":
    ocp.PyTreeCheckpointer().save(f"{os.getcwd()}/{each}", {"w": jnp.ones(4)})
    names.append(set(os.listdir(f"{each}/d")))
print("orbax-checkpoint", m.version("orbax-checkpoint"))
print("data files", len(names[0]), "of one name", len(names[0] & names[1]))
PY
seen=$(PYTHONPATH="$work/lib" PYTHONWARNINGS=ignore python3 finding.py 2>/dev/null)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
