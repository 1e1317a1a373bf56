#!/usr/bin/env bash
# The executable on a machine with nothing: built, then run without Node, npm or network; on both kernels, with the workers, and
# from a cache that lost a file or is open to others. Needs npm's registry for postject.
set -euo pipefail
# shellcheck source=test/interop/stage.sh
. "$(dirname "$0")/stage.sh"
file=$(cd "$root" && npm run --silent build:executable 2>/dev/null | tail -1)
cp "$root/$file" "$work/weighmark"
export HOME=$work/home
mkdir -p "$HOME/model"
head -c 40000000 /dev/zero > "$HOME/model/weights.bin"
printf '{}' > "$HOME/model/config.json"
cd "$HOME"
weighmark() { env -i HOME="$HOME" PATH=/usr/bin:/bin http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 \
  ${KERNEL:+WEIGHMARK_KERNEL=$KERNEL} "$work/weighmark" "$@"; }
says() { local words=$1; shift; weighmark "$@" | grep -q -- "$words"; }
ends() { local code=0 want=$1; shift; weighmark "$@" || code=$?; [ "$code" = "$want" ]; }
version=$(node -p "require('$root/package.json').version")

check 'its version' says "^$version\$" --version
check 'hash, as sha256sum does' says "$(sha256sum model/weights.bin | cut -d' ' -f1)" hash --algorithm sha256 model/weights.bin
[ ! -f "$root/src/adapters/hasher/kernel/kernel-linux-$(node -p process.arch).node" ] || KERNEL=native check 'the native kernel' weighmark hash model
KERNEL=wasm check 'the WebAssembly kernel and its workers' weighmark hash model
check 'keygen' weighmark keygen k --no-password
check 'scan' weighmark scan model
check 'seal' weighmark seal model --name acme/model:1 --key k.key
check 'verify' weighmark verify model --key k.pub
check 'verify with no trust given is exit 2' ends 2 verify model
check 'bom create' weighmark bom create model -o bom.json
check 'bom validate, in a worker' weighmark bom validate bom.json
check 'exec' weighmark exec model --key k.pub -- ls
printf x >> model/weights.bin
check 'a changed byte is refused with exit 1' ends 1 verify model --key k.pub

program=$(echo "$HOME"/.cache/weighmark/program/*)
rm "$program/dist/linked/main.js"
check 'a cache that lost a file is made anew' says "^$version\$" --version
chmod 777 "$HOME/.cache/weighmark/program"
check 'a cache open to others is refused with exit 70' ends 70 --version
chmod 700 "$HOME/.cache/weighmark/program"
echo "$passed checks passed, $failed failed"
[ "$failed" = 0 ]
