//! One hasher over one input buffer; JavaScript reads files straight into the buffer. Single-threaded by construction:
//! every worker instantiates its own module, so the statics below are never shared.

use blake3::Hasher;
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use core::cell::UnsafeCell;

const INPUT_BYTES: usize = 256 << 10;
const GROUP_BYTES: usize = 16 << 10;
const CV_BYTES: usize = 32;
const OUTPUT_BYTES: usize = INPUT_BYTES / GROUP_BYTES * CV_BYTES;

struct Global<T>(UnsafeCell<T>);

// SAFETY: wasm32-unknown-unknown without atomics has one thread a module instance.
unsafe impl<T> Sync for Global<T> {}

// Apart from each other, so that the zeroes take no room in the module.
static HASHER: Global<Option<Hasher>> = Global(UnsafeCell::new(None));
static INPUT: Global<[u8; INPUT_BYTES]> = Global(UnsafeCell::new([0; INPUT_BYTES]));
static OUTPUT: Global<[u8; OUTPUT_BYTES]> = Global(UnsafeCell::new([0; OUTPUT_BYTES]));

struct State {
    hasher: &'static mut Option<Hasher>,
    input: &'static mut [u8; INPUT_BYTES],
    output: &'static mut [u8; OUTPUT_BYTES],
}

fn state() -> State {
    // SAFETY: exports are never re-entered and each takes the state once.
    unsafe { State { hasher: &mut *HASHER.0.get(), input: &mut *INPUT.0.get(), output: &mut *OUTPUT.0.get() } }
}

fn subtree(offset: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher
}

/// Where to put input: 256 KiB.
#[unsafe(no_mangle)]
pub extern "C" fn input() -> *mut u8 {
    state().input.as_mut_ptr()
}

/// Where results are: up to sixteen chaining values.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    state().output.as_ptr()
}

/// Begins a subtree that starts `offset` bytes into the whole; the caller keeps it aligned.
#[unsafe(no_mangle)]
pub extern "C" fn begin(offset: u64) {
    *state().hasher = Some(subtree(offset));
}

#[unsafe(no_mangle)]
pub extern "C" fn update(length: usize) {
    let state = state();
    if let Some(hasher) = state.hasher {
        hasher.update(&state.input[..length]);
    }
}

/// The subtree's chaining value, or the digest where `root` is not 0, into the output.
#[unsafe(no_mangle)]
pub extern "C" fn finish(root: u32) {
    let state = state();
    if let Some(hasher) = state.hasher {
        let value = if root != 0 { *hasher.finalize().as_bytes() } else { hasher.finalize_non_root() };
        state.output[..CV_BYTES].copy_from_slice(&value);
    }
}

/// The chaining values of the 16 KiB groups of the input's first `length` bytes, which start at `offset`; never the root.
#[unsafe(no_mangle)]
pub extern "C" fn groups(offset: u64, length: usize) {
    let state = state();
    for (index, group) in state.input[..length].chunks(GROUP_BYTES).enumerate() {
        let mut hasher = subtree(offset + (index * GROUP_BYTES) as u64);
        hasher.update(group);
        state.output[index * CV_BYTES..][..CV_BYTES].copy_from_slice(&hasher.finalize_non_root());
    }
}

/// Parent of the two chaining values at the input's start.
#[unsafe(no_mangle)]
pub extern "C" fn merge(root: u32) {
    let state = state();
    let mut pair = [[0u8; CV_BYTES]; 2];
    pair[0].copy_from_slice(&state.input[..CV_BYTES]);
    pair[1].copy_from_slice(&state.input[CV_BYTES..2 * CV_BYTES]);
    let value = if root != 0 {
        *merge_subtrees_root(&pair[0], &pair[1], Mode::Hash).as_bytes()
    } else {
        merge_subtrees_non_root(&pair[0], &pair[1], Mode::Hash)
    };
    state.output[..CV_BYTES].copy_from_slice(&value);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
