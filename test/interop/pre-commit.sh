#!/usr/bin/env bash
# The packed package as a hook of the real pre-commit (PyPI) and of plain git: a pickle that runs code is refused, a good
# commit passes, and after the install nothing needs the network.
# Needs Python 3 with venv, PyPI and npm's registry; installs into WEIGHMARK_CACHE (default: the user's cache folder).
# shellcheck disable=SC2317 # called by name
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${WEIGHMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weighmark-interop}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$cache" "$work/bin" "$work/package"
[ -x "$cache/pre-commit/bin/pre-commit" ] || { python3 -m venv "$cache/pre-commit" && "$cache/pre-commit/bin/pip" install -q pre-commit==4.7.0; }
# Debian's `nodejs` on PATH wins over any `node`: pre-commit's nodeenv looks for that name first.
node=$(PATH="$root/node_modules/.bin:$PATH" node -p process.execPath)
ln -s "$node" "$work/bin/node"
ln -s "$node" "$work/bin/nodejs"
ln -s "$cache/pre-commit/bin/pre-commit" "$work/bin/pre-commit"
export PATH="$work/bin:$PATH" HOME="$work/home" PRE_COMMIT_HOME="$work/home/pre-commit"
export XDG_CACHE_HOME="$work/home/cache" XDG_CONFIG_HOME="$work/home/config" XDG_STATE_HOME="$work/home/state"
export GIT_CONFIG_GLOBAL="$work/home/gitconfig"
mkdir -p "$HOME"
git config --global user.name Tester
git config --global user.email tester@example.org
git config --global init.defaultBranch main
(cd "$root" && npm pack --silent --pack-destination "$work/package" >/dev/null)
package=$(echo "$work"/package/*.tgz)

failed=0
check() { # WHAT COMMAND...
  local what=$1; shift
  if "$@" >"$work/log" 2>&1; then echo "ok      $what"; else failed=1; echo "FAILED  $what"; sed 's/^/        /' "$work/log" | tail -20; fi
  [ "$1" = says ] || mv "$work/log" "$work/said"
}
says() { grep -F -- "$1" "$work/said"; }
commits() { git add -A && git commit -qm "$1"; }
refuses() { git add -A && ! git commit -qm "$1"; }
offline() { export npm_config_registry=http://127.0.0.1:9 PIP_INDEX_URL=http://127.0.0.1:9 npm_config_offline=true; }

good() { # a repository with a harmless model
  mkdir -p model
  printf '{"architectures":["BertModel"],"model_type":"bert"}\n' > model/config.json
  node -e 'const h=Buffer.from(JSON.stringify({w:{dtype:"U8",shape:[4],data_offsets:[0,4]}}).padEnd(64));const n=Buffer.alloc(8);n.writeBigUInt64LE(64n);process.stdout.write(Buffer.concat([n,h,Buffer.from("abcd")]))' > model/model.safetensors
}
evil() { printf 'cposix\nsystem\n(S"true"\ntR.' > model/weights.pkl; }

mkdir "$work/one"; cd "$work/one"; git init -q; good
cat > .pre-commit-config.yaml <<YAML
repos:
  - repo: local
    hooks:
      - id: weighmark
        name: weighmark
        language: node
        additional_dependencies: ['file:$package']
        entry: weighmark hook
        types: [file]
        require_serial: true
YAML
git add -A
check 'pre-commit installs the hook' pre-commit install --install-hooks
offline
check 'pre-commit: a good commit passes, offline' commits good
evil
check 'pre-commit: a pickle that runs code is refused, offline' refuses evil
check 'pre-commit: ... for that reason' says 'error[scan-finding]'
check 'pre-commit: ... with the file named' says 'model/weights.pkl'
check 'pre-commit: nothing was committed' test "$(git rev-list --count HEAD)" = 1
rm model/weights.pkl
printf 'not a claim\n' > claims.jsonl
check 'pre-commit: a broken claim is refused' refuses claims
rm claims.jsonl
printf '{"architectures":["BertModel"],"model_type":"bert","hidden_size":8}\n' > model/config.json
check 'pre-commit: an edited configuration passes' commits edited

installed=$(dirname "$(find "$PRE_COMMIT_HOME" -path '*/bin/weighmark' | head -1)")
mkdir "$work/two"; cd "$work/two"; git init -q; good
printf '#!/bin/sh\nexec weighmark hook\n' > .git/hooks/pre-commit
chmod +x .git/hooks/pre-commit
export PATH="$installed:$PATH"
check 'plain git hook: a good commit passes' commits good
evil
check 'plain git hook: a pickle that runs code is refused' refuses evil
check 'plain git hook: ... for that reason' says 'error[scan-finding]'
rm model/weights.pkl

weighmark keygen "$work/key" --no-password -q
weighmark seal model --name acme/model:1 --key "$work/key.key" > /dev/null
check 'a seal commits' commits sealed
node -e 'const f=require("fs");const b=f.readFileSync("model/model.safetensors");b[b.length-1]^=1;f.writeFileSync("model/model.safetensors",b)'
check 'weights changed since the seal pass with a warning' commits changed
check '... that says so' says 'warning[unsealed-change]'
printf 'hook:\n  unsealed: error\n' > weighmark.yaml
git add -A
node -e 'const f=require("fs");const b=f.readFileSync("model/model.safetensors");b[b.length-1]^=2;f.writeFileSync("model/model.safetensors",b)'
check 'a repository may make the hook stricter: refused' refuses stricter
printf 'hook:\n  unsealed: warn\nkey: /tmp/key\nregistry: oci://evil.example/x\n' > weighmark.yaml
check 'a repository that names keys or registries gains nothing' commits hostile
exit "$failed"
