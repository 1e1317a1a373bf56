#!/bin/sh
# Rebuilds the WebAssembly kernels byte for byte with the pinned rustc, and makes the outboard vectors again with bao-tree.
# Needs Rust with the wasm32-unknown-unknown target, and crates.io or a warm cargo cache.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
pinned=1.95.0
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
toolchain=$(rustup toolchain list 2>/dev/null | sed -n "s/^\($pinned[^ ]*\).*/\1/p" | head -n 1)
[ -z "$toolchain" ] || export RUSTUP_TOOLCHAIN="$toolchain"
case $(rustc --version) in
  "rustc $pinned "*) ;;
  *) echo "kernel: rustc $pinned is needed, here is $(rustc --version)" >&2; exit 1 ;;
esac
rustup target add wasm32-unknown-unknown >/dev/null 2>&1 || true

kernel=$root/src/adapters/hasher/kernel
CARGO_TARGET_DIR=$temp/wasm "$kernel/build-wasm.sh" "$temp/blake3.wasm"
cmp "$temp/blake3.wasm" "$kernel/blake3.wasm"
echo "kernel: blake3.wasm is what its source says"

for name in weights records; do
  other=$root/src/adapters/$name/kernel
  CARGO_TARGET_DIR=$temp/$name "$other/build-wasm.sh" "$temp/$name.wasm"
  cmp "$temp/$name.wasm" "$other/$name.wasm"
  echo "kernel: $name.wasm is what its source says"
done

CARGO_TARGET_DIR=$temp/oracle cargo run --release --locked --quiet --manifest-path "$root/test/interop/bao-oracle/Cargo.toml" > "$temp/vectors.json"
cmp "$temp/vectors.json" "$root/fixtures/outboard/vectors.json"
echo "kernel: the outboard vectors are bao-tree's"

CARGO_TARGET_DIR=$temp/native cargo test --release --locked --quiet --manifest-path "$kernel/Cargo.toml"
