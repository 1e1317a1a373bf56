//! What quantisers and casts make of weights, recomputed: pure functions over bytes, without memory of their own. The same
//! code runs in the addon and as WebAssembly, with the same results to the bit.
//!
//! Block layouts and the order of operations follow ggml's `ggml-quants.c` (MIT), which is what must be met bit for bit;
//! all of it is written anew.

mod affine;
mod arithmetic;
mod blocks;
mod codes;
mod floats;
mod kquants;
mod legacy;
mod low_rank;
mod merges;
mod nearest;
mod nonlinear;
mod recompute;
mod search;
mod ternary;
mod values;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use affine::{Affine, Affined, Codes, Groups, Tiles, affine};
pub use blocks::Kind;
pub use floats::{Dtype, Via, narrow, widen};
pub use low_rank::{LowRank, Merged, low_rank};
pub use merges::{Merge, Method, merge};
pub use nearest::{Nearness, go_on, nearest};
pub use recompute::{Differing, Recipe, recompute};
pub use values::values;
