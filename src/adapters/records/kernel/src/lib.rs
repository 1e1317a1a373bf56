//! Records of datasets (`weighmark-records/1`, docs/datasets.md). In dependency order: `lanes` hashes many short messages;
//! the rest is the addon's: readers, trees, the index. It knows nothing of signatures or policies.

pub mod lanes;

#[cfg(target_arch = "wasm32")]
mod wasm;
