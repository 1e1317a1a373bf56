#!/bin/sh
# Builds blake3.wasm. The same bytes come out wherever rustc is 1.95.0: paths are remapped, dependencies locked.
# The scheduler keeps eight.rs's order: its own reads all message words first, which takes more registers than there are.
set -eu
cd "$(dirname "$0")"
out=${1:-blake3.wasm}
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${TMPDIR:-/tmp}/weighmark-kernel-target}
export CARGO_TARGET_DIR
home=${CARGO_HOME:-$HOME/.cargo}
RUSTFLAGS="-C target-feature=+simd128,+relaxed-simd -C llvm-args=--pre-RA-sched=source -C link-arg=-zstack-size=65536 --remap-path-prefix=$home=/cargo --remap-path-prefix=$PWD=/kernel --remap-path-prefix=$(rustc --print sysroot)=/rust" \
  cargo build --release --locked --quiet --target wasm32-unknown-unknown
install -m 644 "$CARGO_TARGET_DIR/wasm32-unknown-unknown/release/weighmark_kernel.wasm" "$out"
