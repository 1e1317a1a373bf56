#!/bin/sh
# Builds records.wasm. The same bytes come out wherever rustc is 1.95.0: paths are remapped, dependencies locked.
set -eu
cd "$(dirname "$0")"
out=${1:-records.wasm}
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${TMPDIR:-/tmp}/weighmark-records-target}
export CARGO_TARGET_DIR
# The addon catches panics (`run.rs`); WebAssembly cannot.
export CARGO_PROFILE_RELEASE_PANIC=abort
home=${CARGO_HOME:-$HOME/.cargo}
RUSTFLAGS="-C target-feature=+simd128 -C link-arg=-zstack-size=65536 --remap-path-prefix=$home=/cargo --remap-path-prefix=$PWD=/kernel --remap-path-prefix=$(rustc --print sysroot)=/rust" \
  cargo build --release --locked --quiet --target wasm32-unknown-unknown
install -m 644 "$CARGO_TARGET_DIR/wasm32-unknown-unknown/release/weighmark_records.wasm" "$out"
