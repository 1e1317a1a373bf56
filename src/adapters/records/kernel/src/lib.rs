//! Records of datasets (`weighmark-records/1`, docs/datasets.md). In dependency order: `lanes` hashes many short messages;
//! `encode` writes values, `json`, `fast`, `csv` and `arrow` (by `cells`, a slice of a file by `blocks`) read them; `scan` reads lines, of files by `segments`; `run`
//! shares the work out; `spill`, `sort`, `trees` and `index` make roots and the index of it; `rows` reads some again; `addon` is what Node calls, and
//! `wasm` what it calls where there is no addon. It knows nothing of signatures or policies.

pub mod columns;
pub mod encode;
pub mod fast;
pub mod hashing;
pub mod json;
pub mod lanes;
pub mod scan;
pub mod sort;
pub mod trees;

#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(unix)]
mod addon;
#[cfg(unix)]
pub mod arrow;
#[cfg(unix)]
pub mod blocks;
#[cfg(unix)]
mod cells;
#[cfg(unix)]
pub mod csv;
#[cfg(unix)]
pub mod index;
#[cfg(unix)]
#[path = "../../../hasher/kernel/src/napi.rs"]
mod napi;
#[cfg(unix)]
pub mod request;
#[cfg(unix)]
pub mod rows;
#[cfg(unix)]
pub mod run;
#[cfg(unix)]
pub mod segments;
#[cfg(unix)]
pub mod spill;
