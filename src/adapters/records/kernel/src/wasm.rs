//! The hashing alone, for JavaScript: messages and their ends go in, hashes come out. One thread a module instance.

use crate::lanes::{Hash, Key, Lanes};
use std::cell::RefCell;

/// Bytes and messages of one call.
const ARENA: usize = 1 << 20;
const MESSAGES: usize = 1 << 15;

struct State {
    arena: Vec<u8>,
    ends: Vec<u32>,
    hashes: Vec<Hash>,
    lanes: Lanes,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State { arena: vec![0; ARENA], ends: vec![0; MESSAGES], hashes: Vec::with_capacity(MESSAGES), lanes: Lanes::default() });
}

/// Where messages go: 1 MiB; the key, 32 bytes, goes to `hashes`.
#[unsafe(no_mangle)]
pub extern "C" fn arena() -> *mut u8 {
    STATE.with_borrow_mut(|state| state.arena.as_mut_ptr())
}

/// Where the ends of up to 32,768 messages go.
#[unsafe(no_mangle)]
pub extern "C" fn ends() -> *mut u32 {
    STATE.with_borrow_mut(|state| state.ends.as_mut_ptr())
}

/// Where hashes are found.
#[unsafe(no_mangle)]
pub extern "C" fn hashes() -> *mut Hash {
    STATE.with_borrow_mut(|state| state.hashes.as_mut_ptr())
}

/// Hashes the first `count` messages under the key whose words are the first 32 bytes of `hashes`.
#[unsafe(no_mangle)]
pub extern "C" fn hash(count: usize, flag: u32) {
    STATE.with_borrow_mut(|State { arena, ends, hashes, lanes }| {
        // SAFETY: the capacity never changes; JavaScript wrote the key there.
        unsafe { hashes.set_len(1) };
        let key = Key::new(&hashes[0], flag);
        hashes.clear();
        lanes.hash_many(&key, arena, &ends[..count.min(MESSAGES)], hashes);
    });
}
