#!/bin/bash
# Stores as their own tools make them: huggingface_hub downloads from a hub on the loopback, DVC tracks a file. Intact: found, and
# what was recorded agrees; one changed byte: named. Needs PyPI.
source "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
python="$cache/stores/bin/python"
[ -x "$python" ] || { python3 -m venv "$cache/stores" && "$python" -m pip install -q huggingface_hub dvc; }
export HOME="$work/home" XDG_CACHE_HOME="$work/home/.cache"
mkdir -p "$HOME"
"$python" "$here/python/hub_cache.py" "$HOME" 2> "$work/hub.log" || { cat "$work/hub.log"; exit 1; }
weighmark() { node "$root/bin/weighmark.js" "$@"; }
ends() { # ends CODE TEXT COMMAND...: with this code, and says this
  local code=0
  "${@:3}" > "$work/said" 2>&1 || code=$?
  cat "$work/said"
  [ "$code" = "$1" ] && grep -q -- "$2" "$work/said"
}
change() { printf 'x' | dd of="$1" bs=1 seek="$(($(stat -c %s "$1") - 1))" conv=notrunc status=none; }
hub="$HOME/.cache/huggingface/hub/models--acme--enc"
check 'a Hub cache: found by its name' ends 0 'acme/enc:main' weighmark inventory "$HOME/.cache" --no-stores --hash
check 'a Hub cache: its blobs are what their names say' ends 3 '2 of 2 files match' weighmark verify "$hub"
check 'a local folder: what was noted agrees' ends 3 '2 of 2 files match' weighmark verify "$HOME/local"
chmod u+w "$hub"/blobs/*
change "$(readlink -f "$hub/snapshots/"*/model.safetensors)"
change "$HOME/local/config.json"
check 'a Hub cache: the changed file is named' ends 1 'download-conflict.*model.safetensors' weighmark verify "$hub"
check 'a local folder: the changed file is named' ends 1 'download-conflict.*config.json' weighmark verify "$HOME/local"
check 'the inventory names both' ends 1 'download-conflict' weighmark inventory "$HOME" --no-stores --hash
mkdir "$work/dvc" && cp "$root/fixtures/formats/small/big-endian.gguf" "$work/dvc/model.gguf"
(cd "$work/dvc" && "$cache/stores/bin/dvc" init -q --no-scm && "$cache/stores/bin/dvc" add -q model.gguf) || exit 1
check 'DVC: its file, and the MD5 it noted' ends 0 'dvc$' weighmark inventory "$work/dvc" --no-stores --hash
weighmark keygen "$work/me" --no-password >/dev/null || exit 1
check 'DVC: a workspace is sealed without its bookkeeping' ends 0 'bookkeeping (.dvc/cache' weighmark seal "$work/dvc" --name dvc:1 --key "$work/me.key"
printf 'new' >"$work/dvc/new.txt" && (cd "$work/dvc" && "$cache/stores/bin/dvc" add -q new.txt && rm new.txt new.txt.dvc) || exit 1
check 'DVC: its next run does not break the seal' ends 0 'VERIFIED' weighmark verify "$work/dvc" --key "$work/me.pub"
chmod u+w "$work/dvc/model.gguf" && change "$work/dvc/model.gguf"
check 'DVC: the changed file is named' ends 1 'download-conflict' weighmark inventory "$work/dvc" --no-stores --hash
echo "stores: $passed passed, $failed failed"
[ "$failed" = 0 ]
