//! For JavaScript, where there is no addon: hashing of messages, lines to hashes of their records, hashes to a part of the
//! set. One thread a module instance; `wasm-kernel.ts` is the caller. What is at an address holds until the next call.

use crate::encode::length;
use crate::hashing::{self, Hashing};
use crate::lanes::{Hash, Key, Lanes};
use crate::scan::{Found, Lines, Reader};
use crate::sort::{Sorter, room};
use crate::trees::{Branch, Trie};
use std::cell::RefCell;

/// Bytes behind the input that a reader may look at.
const PADDING: usize = crate::fast::PADDING;

struct State {
    input: Vec<u8>,
    numbers: Vec<u32>,
    hashes: Vec<Hash>,
    lanes: Lanes,
    reader: Option<Reader>,
    found: Found,
    columns: Vec<u8>,
    sorter: Sorter,
    sorted: Vec<Hash>,
    trie: Trie,
    branches: Vec<Branch>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State {
        input: Vec::new(),
        numbers: Vec::new(),
        hashes: vec![[0; 32]],
        lanes: Lanes::default(),
        reader: None,
        found: Found::default(),
        columns: Vec::new(),
        sorter: Sorter::default(),
        sorted: Vec::new(),
        trie: Trie::new(hashing::node(), hashing::set_leaf()),
        branches: Vec::new(),
    });
}

/// Room for bytes of input.
#[unsafe(no_mangle)]
pub extern "C" fn input(bytes: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| room(&mut state.input, bytes + PADDING).as_mut_ptr())
}

/// Room for numbers: ends of messages, or weights of hashes. There the order of hashes is found, too.
#[unsafe(no_mangle)]
pub extern "C" fn numbers(count: usize) -> *mut u32 {
    STATE.with_borrow_mut(|state| room(&mut state.numbers, count).as_mut_ptr())
}

/// Where hashes are found, and where a key or a secret goes: 32 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn hashes() -> *mut Hash {
    STATE.with_borrow_mut(|state| state.hashes.as_mut_ptr())
}

/// Hashes `count` messages of the input, which end where `numbers` say, under the key in `hashes`.
#[unsafe(no_mangle)]
pub extern "C" fn hash(count: usize, flag: u32) {
    STATE.with_borrow_mut(|State { input, numbers, hashes, lanes, .. }| {
        let key = Key::new(&hashes[0], flag);
        hashes.clear();
        lanes.hash_many(&key, input, &numbers[..count], hashes);
        hashes.resize(hashes.len().max(1), [0; 32]);
    });
}

/// From now on lines are read as text, or (1) as JSON, or (2) as JSON whose scalars are text; hashed in the open, or under the
/// secret in `hashes`.
#[unsafe(no_mangle)]
pub extern "C" fn read_lines(how: u32, keyed: u32) {
    STATE.with_borrow_mut(|state| {
        let secret = (keyed != 0).then_some(&state.hashes[0]);
        let lines = if how == 0 { Lines::Text } else { Lines::Json { as_text: how == 2 } };
        state.reader = Some(Reader::new(lines, Hashing::new(secret)));
    });
}

/// Reads the first bytes of the input, which are whole lines and at `base` in their file. @return how many records they are,
/// their hashes are in `hashes`; -1 if one is refused.
#[unsafe(no_mangle)]
pub extern "C" fn lines(bytes: usize, base: f64) -> i32 {
    STATE.with_borrow_mut(|State { input, reader, found, hashes, .. }| {
        let Some(reader) = reader else { return -1 };
        found.hashes = std::mem::take(hashes);
        found.hashes.clear();
        found.offsets.clear();
        let outcome = reader.read(input, 0, bytes, base as u64, found, true);
        let count = found.hashes.len();
        *hashes = std::mem::take(&mut found.hashes);
        hashes.resize(count.max(1), [0; 32]);
        outcome.map_or(-1, |()| count as i32)
    })
}

/// Where in the file each of those records begins: 64 bits each.
#[unsafe(no_mangle)]
pub extern "C" fn offsets() -> *const u64 {
    STATE.with_borrow(|state| state.found.offsets.as_ptr())
}

/// Columns that all lines had so far: length of the name, name, and bits of its tags as a length. @return how many bytes.
#[unsafe(no_mangle)]
pub extern "C" fn columns() -> usize {
    STATE.with_borrow_mut(|State { reader, columns, .. }| {
        columns.clear();
        if let Some(reader) = reader {
            reader.settle();
            for (name, bits) in reader.columns.all() {
                length(columns, name.len());
                columns.extend_from_slice(name);
                length(columns, bits.into());
            }
        }
        columns.len()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn columns_at() -> *const u8 {
    STATE.with_borrow(|state| state.columns.as_ptr())
}

/// The first `count` hashes of the input, which have their first `skip` bits in common, as branches of the set, one for each
/// value of the bits from there to `depth`, in `hashes`. Each is there once, or (`weighted`) as often as `numbers` say. These
/// become the indexes by hash, and behind them how many different records each branch holds.
#[unsafe(no_mangle)]
pub extern "C" fn branches(count: usize, weighted: u32, skip: usize, depth: usize) {
    STATE.with_borrow_mut(|State { input, numbers, hashes, sorter, sorted, trie, branches, .. }| {
        let came = &input.as_chunks::<32>().0[..count];
        let mut order = Vec::new();
        sorter.sort(came, skip, &mut order);
        sorted.clear();
        sorted.extend(order.iter().map(|&index| came[index as usize]));
        let weights: Option<Vec<u32>> = (weighted != 0).then(|| order.iter().map(|&index| numbers[index as usize]).collect());
        branches.clear();
        trie.branches(sorted, weights.as_deref(), skip, depth, branches);
        hashes.clear();
        hashes.extend(branches.iter().map(|branch| branch.hash));
        room(numbers, count + branches.len());
        numbers[..count].copy_from_slice(&order);
        for (number, branch) in numbers[count..].iter_mut().zip(branches) {
            *number = branch.distinct as u32;
        }
    });
}
