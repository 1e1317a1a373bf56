//! One hasher over one input buffer; JavaScript reads files straight into the buffer. Single-threaded by construction:
//! every worker instantiates its own module, so the statics below are never shared.

mod eight;
mod stream;

use blake3::CHUNK_LEN;
use blake3::hazmat::{Mode, merge_subtrees_non_root, merge_subtrees_root};
use core::cell::UnsafeCell;
use eight::Values;
use stream::Stream;

const INPUT_BYTES: usize = 256 << 10;
const GROUP_BYTES: usize = 16 << 10;
const CV_BYTES: usize = 32;
const GROUP_CHUNKS: usize = GROUP_BYTES / CHUNK_LEN;
const OUTPUT_BYTES: usize = INPUT_BYTES / GROUP_BYTES * CV_BYTES;

/// Aligned to a line of the cache.
#[repr(align(64))]
struct Global<T>(UnsafeCell<T>);

// SAFETY: wasm32-unknown-unknown without atomics has one thread a module instance.
unsafe impl<T> Sync for Global<T> {}

// Apart from each other, so that the zeroes take no room in the module.
static STREAM: Global<Option<Stream>> = Global(UnsafeCell::new(None));
static INPUT: Global<[u8; INPUT_BYTES]> = Global(UnsafeCell::new([0; INPUT_BYTES]));
static OUTPUT: Global<[u8; OUTPUT_BYTES]> = Global(UnsafeCell::new([0; OUTPUT_BYTES]));

struct State {
    stream: &'static mut Option<Stream>,
    input: &'static mut [u8; INPUT_BYTES],
    output: &'static mut [u8; OUTPUT_BYTES],
}

fn state() -> State {
    // SAFETY: exports are never re-entered and each takes the state once.
    unsafe { State { stream: &mut *STREAM.0.get(), input: &mut *INPUT.0.get(), output: &mut *OUTPUT.0.get() } }
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
    *state().stream = Some(Stream::new(offset));
}

#[unsafe(no_mangle)]
pub extern "C" fn update(length: usize) {
    let state = state();
    if let Some(stream) = state.stream {
        stream.update(&state.input[..length]);
    }
}

/// The subtree's chaining value, or the digest where `root` is not 0, into the output.
#[unsafe(no_mangle)]
pub extern "C" fn finish(root: u32) {
    let state = state();
    if let Some(stream) = state.stream {
        state.output[..CV_BYTES].copy_from_slice(&stream.finish(root != 0));
    }
}

/// The chaining values of the 16 KiB groups of the input's first `length` bytes, which start at `offset`; never the root.
#[unsafe(no_mangle)]
pub extern "C" fn groups(offset: u64, length: usize) {
    let state = state();
    let (whole, rest) = state.input[..length].as_chunks::<GROUP_BYTES>();
    let Values(values) = &mut Values([[0; CV_BYTES]; INPUT_BYTES / CHUNK_LEN]);
    let mut count = whole.len() * GROUP_CHUNKS;
    eight::hash_chunks(whole.as_flattened(), offset / CHUNK_LEN as u64, values);
    while count > whole.len() {
        count /= 2;
        eight::join(values, count);
    }
    if !rest.is_empty() {
        values[count] = stream::value_of(rest, offset + (length - rest.len()) as u64);
        count += 1;
    }
    state.output[..count * CV_BYTES].copy_from_slice(values[..count].as_flattened());
}

/// Parent of the two chaining values at the input's start.
#[unsafe(no_mangle)]
pub extern "C" fn merge(root: u32) {
    let state = state();
    let [left, right] = [0, 1].map(|index| core::array::from_fn(|at| state.input[index * CV_BYTES + at]));
    let value = if root != 0 { *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes() } else { merge_subtrees_non_root(&left, &right, Mode::Hash) };
    state.output[..CV_BYTES].copy_from_slice(&value);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
