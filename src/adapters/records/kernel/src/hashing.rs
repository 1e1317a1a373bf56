//! How records become hashes: in the open, or under an organisation's key (docs/datasets.md).

use crate::lanes::{Hash, Key, Lanes};

const RECORD: &str = "weighmark 2026 dataset record v1";
const SALT: &str = "weighmark 2026 dataset salt v1";
const SEALED: &str = "weighmark 2026 dataset sealed v1";
const NODE: &str = "weighmark 2026 dataset node v1";
const SET_LEAF: &str = "weighmark 2026 dataset set leaf v1";

pub fn node() -> Key {
    Key::of_context(NODE)
}

pub fn set_leaf() -> Key {
    Key::of_context(SET_LEAF)
}

pub struct Hashing {
    record: Key,
    /// Of the salt, and of what is sealed with it.
    keyed: Option<(Key, Key)>,
    lanes: Lanes,
}

impl Hashing {
    pub fn new(secret: Option<&Hash>) -> Self {
        let keyed = secret.map(|secret| (Key::of_secret(&Key::of_context(SALT).hash(secret)), Key::of_context(SEALED)));
        Hashing { record: Key::of_context(RECORD), keyed, lanes: Lanes::default() }
    }

    /// Appends the hash of each record.
    pub fn hash(&mut self, arena: &[u8], ends: &[u32], out: &mut Vec<Hash>) {
        let Some((salting, sealing)) = &self.keyed else { return self.lanes.hash_many(&self.record, arena, ends, out) };
        let (mut open, mut salts) = (Vec::new(), Vec::new());
        self.lanes.hash_many(&self.record, arena, ends, &mut open);
        let each: Vec<u32> = (1..=open.len() as u32).map(|count| 32 * count).collect();
        self.lanes.hash_many(salting, open.as_flattened(), &each, &mut salts);
        let pairs: Vec<Hash> = salts.into_iter().zip(open).flat_map(|(salt, open)| [salt, open]).collect();
        self.lanes.pairs(sealing, &pairs, out);
    }
}
