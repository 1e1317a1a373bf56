#!/bin/bash
# Stores as their own tools make them: huggingface_hub and ModelScope download from a hub on the loopback, Docker Model Runner's own
# store pulls from a registry there, DVC, git-lfs and git-annex track files, MLflow logs and registers, wandb's and Kaggle's caches
# are filled by their own code. Intact: found, and what was recorded agrees, or a seal verifies; one changed byte: named; and one
# changed store hides no other. Needs PyPI; Go for Docker's; git-lfs and git-annex where apt or the machine has them.
source "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
python="$cache/stores-2/bin/python"
[ -x "$python" ] || { python3 -m venv "$cache/stores-2" && "$python" -m pip install -q huggingface_hub dvc modelscope==1.40.2 kagglehub==1.0.3 wandb==0.31.0 mlflow-skinny==3.17.2 torch-model-archiver==0.12.0 numpy pandas; }
export HOME="$work/home" XDG_CACHE_HOME="$work/home/.cache"
unset WANDB_CACHE_DIR MODELSCOPE_CACHE KAGGLEHUB_CACHE HF_HOME HF_HUB_CACHE
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
(cd "$work/dvc" && "$cache/stores-2/bin/dvc" init -q --no-scm && "$cache/stores-2/bin/dvc" add -q model.gguf) || exit 1
check 'DVC: its file, and the MD5 it noted' ends 0 'dvc$' weighmark inventory "$work/dvc" --no-stores --hash
weighmark keygen "$work/me" --no-password >/dev/null || exit 1
check 'DVC: a workspace is sealed without its bookkeeping' ends 0 'bookkeeping (.dvc/cache' weighmark seal "$work/dvc" --name dvc:1 --key "$work/me.key"
printf 'new' >"$work/dvc/new.txt" && (cd "$work/dvc" && "$cache/stores-2/bin/dvc" add -q new.txt && rm new.txt new.txt.dvc) || exit 1
check 'DVC: its next run does not break the seal' ends 0 'VERIFIED' weighmark verify "$work/dvc" --key "$work/me.pub"
chmod u+w "$work/dvc/model.gguf" && change "$work/dvc/model.gguf"
check 'DVC: the changed file is named' ends 1 'download-conflict' weighmark inventory "$work/dvc" --no-stores --hash

# --- a folder that DVC tracks, and its cache ---
mkdir "$work/dvc/enc" && cp "$hub"/snapshots/*/config.json "$work/dvc/enc/" && (cd "$work/dvc" && "$cache/stores-2/bin/dvc" add -q enc) || exit 1
check 'DVC: a folder is held against its list in the cache' ends 3 '1 of 1 file matches what DVC recorded' weighmark verify "$work/dvc/enc"
check 'DVC: a file against the note beside it' ends 1 'download-conflict.*what DVC recorded' weighmark verify "$work/dvc/model.gguf"
cp -r "$work/dvc/.dvc/cache" "$work/shared-cache"
check 'DVC: a cache is what its names say' ends 3 'match what DVC recorded' weighmark verify "$work/shared-cache"
object=$(find "$work/shared-cache" -type f ! -name '*.dir' -size +200c | head -1)
chmod u+w "$object" && change "$object"
check 'DVC: the changed object is named' ends 1 'download-conflict' weighmark verify "$work/shared-cache"

# --- git-lfs, git-annex ---
git config --global user.name Tester && git config --global user.email tester@example.org && git config --global init.defaultBranch main
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  command -v git-lfs >/dev/null && command -v git-annex >/dev/null || { apt-get update -q && apt-get install -y -q git-lfs git-annex; } >/dev/null 2>&1 || true
fi
checkout() { # TOOL: a repository with one model
  mkdir -p "$work/$1/model" && cp "$(readlink -f "$hub"/snapshots/*/config.json)" "$work/$1/model/config.json"
  cp "$work/weights" "$work/$1/model/model.safetensors" && chmod -R u+w "$work/$1" && cd "$work/$1" && git init -q
}
"$python" - "$work/weights" <<'PY' || exit 1
import json, sys
header = json.dumps({"w": {"dtype": "F32", "shape": [64], "data_offsets": [0, 256]}}).encode()
open(sys.argv[1], "wb").write(len(header).to_bytes(8, "little") + header + bytes(256))
PY
verified_here() { # NAME TOOL: the checkout, the folder and (not for links) the file
  check "$1: the checkout agrees with what $2 recorded" ends 3 "1 of 2 files match what $2 recorded" weighmark verify "$work/$1/model"
  check "$1: scan" ends 0 PASS weighmark scan "$work/$1/model"
  check "$1: inspect" ends 0 '64 parameters' weighmark inspect "$work/$1/model"
  check "$1: inventory" ends 0 "$3\$" weighmark inventory "$work/$1" --no-stores --hash
}
changed_here() {
  change "$(readlink -f "$work/$1/model/model.safetensors")"
  check "$1: the changed file is named" ends 1 "download-conflict.*model.safetensors is not what $2 recorded" weighmark verify "$work/$1/model"
  check "$1: by the inventory too" ends 1 'download-conflict' weighmark inventory "$work/$1" --no-stores --hash
}
if command -v git-lfs >/dev/null; then
  (checkout lfs && git lfs install --local && git lfs track '*.safetensors' && git add . && git commit -qm model) >/dev/null || exit 1
  verified_here lfs 'Git LFS' git-lfs
  changed_here lfs 'Git LFS'
  check 'lfs: a change of its owner that git was told of is none' ends 3 '1 of 2 files match' bash -c "
    git -C '$work/lfs' add . && node '$root/bin/weighmark.js' verify '$work/lfs/model'"
else echo 'skipped git-lfs: not installed'; fi
if command -v git-annex >/dev/null; then
  (checkout annex && git annex init -q x && git annex add -q model/model.safetensors && git add . && git commit -qm model) >/dev/null || exit 1
  cp -r "$work/annex" "$work/annex-unlocked" && (cd "$work/annex-unlocked" && git annex unlock -q model && git commit -qam unlocked) || exit 1
  for name in annex annex-unlocked; do verified_here $name git-annex git-annex; done
  check 'annex: links are sealed as the files they stand for' ends 0 SEALED weighmark seal "$work/annex/model" --name annex:1 --key "$work/me.key"
  check 'annex: and verified' ends 0 VERIFIED weighmark verify "$work/annex/model" --key "$work/me.pub"
  git -C "$work/annex" annex add -q . >/dev/null 2>&1; git -C "$work/annex" commit -qam sealed
  check 'annex: the commit of the seal leaves it as it is' ends 0 VERIFIED weighmark verify "$work/annex/model" --key "$work/me.pub"
  rm -rf "$work/annex"/model/{model.sig,claims.jsonl,.weighmark}
  chmod -R u+w "$work/annex/.git/annex/objects"
  for name in annex annex-unlocked; do changed_here $name git-annex; done
  (git clone -q "$work/annex-unlocked" "$work/annex-clone" && cd "$work/annex-clone" && git annex init -q y && git annex lock -q --force model) >/dev/null 2>&1 || true
  check 'annex: what was not fetched is undecided, with the way out' ends 4 'git annex get' weighmark scan "$work/annex-clone/model"
else echo 'skipped git-annex: not installed'; fi

# --- caches by their own code ---
for store in mlflow wandb kaggle modelscope; do
  "$python" "$here/python/make_stores.py" $store "$HOME" > "$work/$store.log" 2>&1 || { cat "$work/$store.log"; exit 1; }
done
mkdir -p "$work/mar" && (cd "$work/mar" && "$cache/stores-2/bin/torch-model-archiver" --model-name enc --version 1 \
  --serialized-file "$work/weights" --handler text_classifier --export-path . >/dev/null 2>&1) || exit 1
# Those of which no real tool can be had: as their documentation lays them out.
mkdir -p "$HOME/.lmstudio/models/acme/tiny-GGUF" "$work/triton/enc/1"
cp "$root/fixtures/formats/small/big-endian.gguf" "$HOME/.lmstudio/models/acme/tiny-GGUF/tiny-Q4.gguf"
printf 'name: "enc"\nplatform: "onnxruntime_onnx"\n' > "$work/triton/enc/config.pbtxt"
cp "$work/weights" "$work/triton/enc/1/model.safetensors"
sealed() { # NAME REF FILE: nothing is recorded, so a seal tells
  check "$1: scan" ends 0 PASS weighmark scan "$2"
  check "$1: inspect" ends 0 'not verified' weighmark inspect "$2"
  check "$1: sealed" ends 0 SEALED weighmark seal "$2" --name "stores/$1:1" --key "$work/me.key"
  check "$1: verified" ends 0 VERIFIED weighmark verify "$2" --key "$work/me.pub"
  change "$3"
  check "$1: the changed file is named" ends 1 "digest-mismatch.*${3##*/}" weighmark verify "$2" --key "$work/me.pub"
}
mlflow=$(echo "$HOME"/work/mlruns/0/models/m-*/artifacts)
check 'MLflow: found under the name of its registry' ends 0 'clf:1 .*mlflow$' weighmark inventory "$HOME/work" --no-stores
check 'MLflow: a version of the registry is the folder of its model' ends 0 'm-.*\|model' weighmark inspect "$HOME/work/mlruns/models/clf/version-1"
check 'MLflow: sealed, its code answered for' ends 0 SEALED weighmark seal "$HOME/work/mlruns/models/clf/version-1" --fail-on critical --key "$work/me.key"
check 'MLflow: verified' ends 0 VERIFIED weighmark verify "$HOME/work/mlruns/models/clf/version-1" --key "$work/me.pub"
change "$mlflow/artifacts/model.safetensors"
check 'MLflow: the changed file is named' ends 1 'digest-mismatch.*model.safetensors' weighmark verify "$HOME/work/mlruns/models/clf/version-1" --key "$work/me.pub"
modelscope="$HOME/.cache/modelscope/models/acme--enc"
check 'ModelScope: found by its name' ends 0 'acme/enc:master .*modelscope$' weighmark inventory "$HOME/.cache/modelscope" --no-stores
sealed modelscope "$modelscope" "$modelscope/snapshots/master/model.safetensors"
kaggle="$HOME/.cache/kagglehub/models/acme/enc/pyTorch/base/1"
check 'Kaggle: found by its handle' ends 0 'acme/enc/pyTorch/base:1 .*kaggle$' weighmark inventory "$HOME/.cache/kagglehub" --no-stores
sealed kaggle "$kaggle" "$kaggle/model.safetensors"
sealed mar "$work/mar/enc.mar" "$work/mar/enc.mar"
sealed triton "$work/triton/enc" "$work/triton/enc/1/model.safetensors"
sealed lm-studio "$HOME/.lmstudio/models/acme/tiny-GGUF" "$HOME/.lmstudio/models/acme/tiny-GGUF/tiny-Q4.gguf"
wandb="$HOME/.cache/wandb/artifacts"
check 'wandb: its cache is what its names say' ends 3 '2 of 2 files match what wandb recorded' weighmark verify "$wandb"
check 'wandb: a model in it is found by its bytes' ends 0 'wandb$' weighmark inventory "$wandb" --no-stores --hash
object=$(find "$wandb" -type f -size +60c | head -1)
change "$object"
check 'wandb: the changed object is named' ends 1 'download-conflict.*what wandb recorded' weighmark verify "$wandb"

# --- Docker Model Runner: what its own tool pulled from a registry ---
if command -v go >/dev/null; then
  [ -x "$GOBIN/crane" ] || nice -n 19 go install github.com/google/go-containerregistry/cmd/crane@v0.22.1
  if [ ! -x "$GOBIN/mdltool" ]; then
    source=$(nice -n 19 go mod download -json github.com/docker/model-runner@v1.0.10 | node -p 'JSON.parse(require("fs").readFileSync(0)).Dir')
    (cd "$source" && GOWORK=off nice -n 19 go build -o "$GOBIN/mdltool" ./cmd/mdltool)
  fi
  port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
  "$GOBIN/crane" registry serve --address "127.0.0.1:$port" >/dev/null 2>&1 & pids+=($!)
  for _ in $(seq 50); do curl -s "http://127.0.0.1:$port/v2/" >/dev/null && break; sleep 0.1; done
  "$python" - "$work/tiny.gguf" <<'PY'
import struct, sys
text = lambda value: struct.pack("<Q", len(value)) + value.encode()
facts = {"general.architecture": "llama", "general.name": "tiny", "general.license": "apache-2.0"}
out = b"GGUF" + struct.pack("<IQQ", 3, 1, len(facts))
out += b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in facts.items())
out += text("token_embd.weight") + struct.pack("<IQIQ", 1, 32, 0, 0)
out += bytes(-len(out) % 32) + struct.pack("<32f", *range(32))
open(sys.argv[1], "wb").write(out)
PY
  mdl() { "$GOBIN/mdltool" --store-path "$HOME/.docker/models" "$@" >/dev/null 2>&1; }
  mdl package --tag "127.0.0.1:$port/acme/tiny:1" "$work/tiny.gguf" && mdl pull "127.0.0.1:$port/acme/tiny:1" || exit 1
  docker=$(echo "$HOME"/.docker/models/manifests/sha256/*)
  check 'Docker Model Runner: found by its tag' ends 0 'acme/tiny:1 .*docker-model-runner$' weighmark inventory "$HOME/.docker" --no-stores
  check 'Docker Model Runner: its blobs are what its manifest says' ends 3 '2 of 2 files match what Docker Model Runner recorded' weighmark verify "$docker"
  check 'Docker Model Runner: scan' ends 0 PASS weighmark scan "$docker"
  check 'Docker Model Runner: inspect' ends 0 'tiny.gguf' weighmark inspect "$docker"
  check 'Docker Model Runner: sealed beside its own files' ends 0 SEALED weighmark seal "$docker" --key "$work/me.key"
  check 'Docker Model Runner: verified' ends 0 VERIFIED weighmark verify "$docker" --key "$work/me.pub"
  check 'Docker Model Runner: its own tool goes on with the store' mdl list
  mv "$HOME/.docker/models/weighmark" "$work/docker-seals"
  object=$(find "$HOME/.docker/models/blobs" -type f -size -353c -size +340c | head -1)
  chmod u+w "$object" && change "$object"
  check 'Docker Model Runner: the changed layer is named' ends 1 'download-conflict.*tiny.gguf' weighmark verify "$docker"
  mv "$work/docker-seals" "$HOME/.docker/models/weighmark"
  check 'Docker Model Runner: and by its seal' ends 1 'digest-mismatch.*tiny.gguf' weighmark verify "$docker" --key "$work/me.pub"
fi

# --- one finding hides no other ---
code=0
weighmark inventory "$work" --no-stores --hash --key "$work/me.pub" > "$work/all" 2>&1 || code=$?
check 'all of it at once: exit code 1' test "$code" = 1
for said in 'what DVC recorded' 'what wandb recorded' 'what git-annex recorded' 'Hugging Face' 'acme/enc/pyTorch/base:1 .*REFUSED' 'acme/enc:master .*REFUSED' 'enc.mar .*REFUSED' 'clf:1 .*REFUSED'; do
  case $said in *git-annex*) command -v git-annex >/dev/null || continue ;; esac
  check "all of it at once: $said" grep -q "$said" "$work/all"
done
echo "stores: $passed passed, $failed failed"
[ "$failed" = 0 ]
