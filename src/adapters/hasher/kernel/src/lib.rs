//! BLAKE3 subtrees behind one interface, built twice: for WebAssembly (`wasm.rs`: the caller reads and owns threads) and
//! as a Node-API addon (`addon.rs`: reads files and owns its threads).
#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(unix)]
mod addon;
#[cfg(unix)]
mod blake3_file;
#[cfg(unix)]
mod blake3_lanes;
#[cfg(unix)]
mod control;
#[cfg(unix)]
mod copies;
#[cfg(unix)]
mod engine;
#[cfg(unix)]
mod file;
#[cfg(unix)]
mod flush;
#[cfg(unix)]
mod job;
#[cfg(unix)]
mod napi;
#[cfg(unix)]
mod outboard;
#[cfg(unix)]
mod paired;
#[cfg(unix)]
mod placed;
#[cfg(unix)]
mod plain;
#[cfg(unix)]
mod request;
#[cfg(unix)]
mod sha256_lanes;
#[cfg(unix)]
mod stats;
#[cfg(unix)]
mod stretches;
#[cfg(unix)]
mod sums;
#[cfg(unix)]
mod tree;
#[cfg(unix)]
mod two_files;
#[cfg(unix)]
mod weights;
