//! Records of datasets (`weighmark-records/1`, docs/datasets.md). In dependency order: `lanes` hashes many short messages;
//! `encode` writes values, `json`, `fast`, `csv` and `arrow` read them; `scan` and `run` share the work out; `trees` and
//! `index` make roots and the index of it; `addon` is what Node calls. It knows nothing of signatures or policies.

pub mod lanes;

#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(unix)]
mod addon;
#[cfg(unix)]
pub mod arrow;
#[cfg(unix)]
pub mod columns;
#[cfg(unix)]
pub mod csv;
#[cfg(unix)]
pub mod encode;
#[cfg(unix)]
pub mod fast;
#[cfg(unix)]
pub mod hashing;
#[cfg(unix)]
pub mod index;
#[cfg(unix)]
pub mod json;
#[cfg(unix)]
#[path = "../../../hasher/kernel/src/napi.rs"]
mod napi;
#[cfg(unix)]
pub mod request;
#[cfg(unix)]
pub mod run;
#[cfg(unix)]
pub mod scan;
#[cfg(unix)]
pub mod sort;
#[cfg(unix)]
pub mod spill;
#[cfg(unix)]
pub mod trees;
