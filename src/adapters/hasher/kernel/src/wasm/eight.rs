//! BLAKE3 of eight chunks, or eight parents, at once: two vectors of four. One vector's chain of dependent operations
//! leaves half of a core idle (the blake3 crate's way); of two, one works while the other waits. Written for what V8 makes
//! of it: rounds are a loop, because all seven in a row outgrow a core's cache of decoded instructions; message words
//! are read where they are used, because registers are few; byte rotations are relaxed swizzles by a mask held in a
//! variable, because V8 builds the mask of a shuffle anew for each. Every supported Node has relaxed SIMD (V8 11.4).

use blake3::{BLOCK_LEN, CHUNK_LEN, OUT_LEN};
use core::arch::wasm32::*;
use core::cell::UnsafeCell;
use core::hint::black_box;
use core::ptr::read_volatile;

/// What is hashed at once.
pub const LANES: usize = 8;
const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const PARENT: u32 = 4;
const BLOCKS: usize = CHUNK_LEN / BLOCK_LEN;
const IV: [u32; 8] = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19];
const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const ROUNDS: usize = 7;

/// Where in a transposed block each round's message words are, in bytes.
static SCHEDULE: [[u32; 16]; ROUNDS] = schedule();
static ROTATE_16: v128 = u8x16(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
static ROTATE_8: v128 = u8x16(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);

/// A block of four inputs, transposed: word by word, the lanes side by side.
type Block = [v128; 16];
/// Eight inputs: lanes 0 to 3, then 4 to 7.
type Blocks = [Block; 2];

struct Scratch(UnsafeCell<[Blocks; BLOCKS]>);

// SAFETY: wasm32-unknown-unknown without atomics has one thread a module instance.
unsafe impl Sync for Scratch {}

static SCRATCH: Scratch = Scratch(UnsafeCell::new([[[u32x4(0, 0, 0, 0); 16]; 2]; BLOCKS]));

pub type Value = [u8; OUT_LEN];

/// Aligned as vectors are fastest read and written.
#[repr(align(64))]
pub struct Values<const COUNT: usize>(pub [Value; COUNT]);

/// The chaining values of whole chunks, a multiple of eight, the first of which is the whole's chunk number `counter`.
pub fn hash_chunks(input: &[u8], counter: u64, values: &mut [Value]) {
    for (index, (chunks, values)) in input.as_chunks::<{ LANES * CHUNK_LEN }>().0.iter().zip(values.as_chunks_mut().0).enumerate() {
        // SAFETY: never re-entered.
        let scratch = unsafe { &mut *SCRATCH.0.get() };
        for (block, blocks) in scratch.iter_mut().enumerate() {
            transpose::<CHUNK_LEN>(&chunks[block * BLOCK_LEN..], blocks);
        }
        compress(scratch, Some(counter + (index * LANES) as u64), values);
    }
}

/// Parents in place of pairs of children, none of them the root; what is computed of more than `parents` means nothing.
pub fn join(values: &mut [Value], parents: usize) {
    for at in (0..parents).step_by(LANES) {
        // SAFETY: never re-entered.
        let scratch = unsafe { &mut (&mut *SCRATCH.0.get())[..1] };
        transpose::<BLOCK_LEN>(values[2 * at..2 * (at + LANES)].as_flattened(), &mut scratch[0]);
        if let Some(values) = values[at..].first_chunk_mut() {
            compress(scratch, None, values);
        }
    }
}

/// The first blocks of eight inputs that begin `STRIDE` bytes apart.
#[inline(always)]
fn transpose<const STRIDE: usize>(inputs: &[u8], blocks: &mut Blocks) {
    let inputs = &inputs[..(LANES - 1) * STRIDE + BLOCK_LEN];
    // SAFETY: the last read ends with the slice.
    let row = |lane: usize, word: usize| unsafe { v128_load(inputs.as_ptr().add(lane * STRIDE + 4 * word).cast()) };
    for (half, block) in blocks.iter_mut().enumerate() {
        for (quarter, words) in block.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *words = transpose4([0, 1, 2, 3].map(|lane| row(4 * half + lane, 4 * quarter)));
        }
    }
}

#[inline(always)]
fn transpose4([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab_low, ab_high) = (u32x4_shuffle::<0, 4, 1, 5>(a, b), u32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (cd_low, cd_high) = (u32x4_shuffle::<0, 4, 1, 5>(c, d), u32x4_shuffle::<2, 6, 3, 7>(c, d));
    [
        u64x2_shuffle::<0, 2>(ab_low, cd_low),
        u64x2_shuffle::<1, 3>(ab_low, cd_low),
        u64x2_shuffle::<0, 2>(ab_high, cd_high),
        u64x2_shuffle::<1, 3>(ab_high, cd_high),
    ]
}

/// Four of BLAKE3's mixing functions on state `v`: four of its words and the places of two message words, each.
macro_rules! mix {
    ($v:ident, $masks:ident, $word:ident: $([$a:literal $b:literal $c:literal $d:literal $x:literal $y:literal])*) => {$(
        $v[$a] = u32x4_add(u32x4_add($v[$a], $word!($x)), $v[$b]);
        $v[$d] = u8x16_relaxed_swizzle(v128_xor($v[$d], $v[$a]), $masks.0);
        $v[$c] = u32x4_add($v[$c], $v[$d]);
        $v[$b] = rotate::<12, 20>(v128_xor($v[$b], $v[$c]));
        $v[$a] = u32x4_add(u32x4_add($v[$a], $word!($y)), $v[$b]);
        $v[$d] = u8x16_relaxed_swizzle(v128_xor($v[$d], $v[$a]), $masks.1);
        $v[$c] = u32x4_add($v[$c], $v[$d]);
        $v[$b] = rotate::<7, 25>(v128_xor($v[$b], $v[$c]));
    )*};
}

/// Chunks where there is a counter (of the first), parents where there is none.
#[inline(never)]
fn compress(blocks: &[Blocks], counter: Option<u64>, values: &mut [Value; LANES]) {
    let mut block = blocks.as_ptr().cast::<u8>();
    let step = u64::from(counter.is_some());
    let first = counter.unwrap_or(0);
    // SAFETY: they are statics. Volatile: constants would become shuffles.
    let masks = unsafe { (read_volatile(&ROTATE_16), read_volatile(&ROTATE_8)) };
    let counters = [0, 4].map(|lane| counters(first + lane * step, step));
    let mut low = IV.map(|word| u32x4_splat(word));
    let mut high = low;
    for index in 0..blocks.len() {
        let flags = match counter {
            None => PARENT,
            Some(_) => (if index == 0 { CHUNK_START } else { 0 }) | (if index + 1 == blocks.len() { CHUNK_END } else { 0 }),
        };
        let mut a = state(low, counters[0], flags);
        let mut b = state(high, counters[1], flags);
        let mut round = black_box(SCHEDULE.as_ptr().cast::<u32>());
        let end = black_box(SCHEDULE.as_ptr_range().end.cast::<u32>());
        while round != end {
            // SAFETY: `round` goes from the schedule's start to its end; its offsets are within a block.
            macro_rules! word_a {
                ($index:literal) => {
                    unsafe { v128_load(block.add(*round.add($index) as usize).cast()) }
                };
            }
            macro_rules! word_b {
                ($index:literal) => {
                    unsafe { v128_load(block.add(*round.add($index) as usize).add(size_of::<Block>()).cast()) }
                };
            }
            mix!(a, masks, word_a: [0 4 8 12 0 1] [1 5 9 13 2 3] [2 6 10 14 4 5] [3 7 11 15 6 7]);
            mix!(b, masks, word_b: [0 4 8 12 0 1] [1 5 9 13 2 3] [2 6 10 14 4 5] [3 7 11 15 6 7]);
            mix!(a, masks, word_a: [0 5 10 15 8 9] [1 6 11 12 10 11] [2 7 8 13 12 13] [3 4 9 14 14 15]);
            mix!(b, masks, word_b: [0 5 10 15 8 9] [1 6 11 12 10 11] [2 7 8 13 12 13] [3 4 9 14 14 15]);
            round = unsafe { round.add(16) };
        }
        block = unsafe { block.add(size_of::<Blocks>()) };
        low = fold(a);
        high = fold(b);
    }
    let at = values.as_mut_ptr().cast::<v128>();
    // SAFETY: a value is two vectors long.
    unsafe {
        store(low, at);
        store(high, at.add(8));
    }
}

/// The low and the high halves of four lanes' counters.
#[inline(always)]
fn counters(first: u64, step: u64) -> [v128; 2] {
    let at = [0, 1, 2, 3].map(|lane| first + lane * step);
    [at.map(|count| count as u32), at.map(|count| (count >> 32) as u32)].map(|[a, b, c, d]| u32x4(a, b, c, d))
}

#[inline(always)]
fn state(chained: [v128; 8], counters: [v128; 2], flags: u32) -> [v128; 16] {
    let mut state = [u32x4_splat(0); 16];
    state[..8].copy_from_slice(&chained);
    state[8..12].copy_from_slice(&[IV[0], IV[1], IV[2], IV[3]].map(|word| u32x4_splat(word)));
    state[12..14].copy_from_slice(&counters);
    state[14] = u32x4_splat(BLOCK_LEN as u32);
    state[15] = u32x4_splat(flags);
    state
}

#[inline(always)]
fn rotate<const RIGHT: u32, const LEFT: u32>(word: v128) -> v128 {
    v128_or(u32x4_shr(word, RIGHT), u32x4_shl(word, LEFT))
}

#[inline(always)]
fn fold(v: [v128; 16]) -> [v128; 8] {
    let xor = |low: usize| v128_xor(v[low], v[low + 8]);
    // A map over them would not be unrolled.
    [xor(0), xor(1), xor(2), xor(3), xor(4), xor(5), xor(6), xor(7)]
}

#[inline(always)]
unsafe fn store(words: [v128; 8], at: *mut v128) {
    let [low, high] = [transpose4([words[0], words[1], words[2], words[3]]), transpose4([words[4], words[5], words[6], words[7]])];
    for lane in 0..4 {
        unsafe {
            v128_store(at.add(2 * lane), low[lane]);
            v128_store(at.add(2 * lane + 1), high[lane]);
        }
    }
}

const fn schedule() -> [[u32; 16]; ROUNDS] {
    let mut rounds = [[0; 16]; ROUNDS];
    let mut words = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut round = 0;
    while round < ROUNDS {
        let mut permuted = [0; 16];
        let mut index = 0;
        while index < 16 {
            rounds[round][index] = (words[index] * size_of::<v128>()) as u32;
            permuted[index] = words[PERMUTATION[index]];
            index += 1;
        }
        words = permuted;
        round += 1;
    }
    rounds
}
