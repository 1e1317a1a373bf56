//! The ordered tree and the trie of the set (docs/datasets.md).

use crate::lanes::{Hash, Key, Lanes};

pub const EMPTY: Hash = [0; 32];
/// Levels of the ordered tree below this are not kept.
pub const STORED_LEVEL: u32 = 8;
const LEAVES: usize = 1 << STORED_LEVEL;

/// Parents of neighbours; one without a neighbour is carried up.
fn parents(key: &Key, lanes: &Lanes, nodes: &[Hash]) -> Vec<Hash> {
    let mut up = Vec::with_capacity(nodes.len().div_ceil(2));
    let even = nodes.len() & !1;
    lanes.pairs(key, &nodes[..even], &mut up);
    up.extend_from_slice(&nodes[even..]);
    up
}

fn root(key: &Key, lanes: &Lanes, mut nodes: Vec<Hash>) -> Hash {
    while nodes.len() > 1 {
        nodes = parents(key, lanes, &nodes);
    }
    nodes.first().copied().unwrap_or(EMPTY)
}

/// The tree of RFC 9162 over hashes that come in order; keeps one for every 256 of them.
pub struct Ordered {
    key: Key,
    lanes: Lanes,
    pending: Vec<Hash>,
    stored: Vec<Hash>,
}

impl Ordered {
    pub fn new(key: Key) -> Self {
        Ordered { key, lanes: Lanes::default(), pending: Vec::new(), stored: Vec::new() }
    }

    pub fn add(&mut self, hashes: &[Hash]) {
        self.pending.extend_from_slice(hashes);
        if self.pending.len() >= LEAVES * 16 {
            self.fold();
        }
    }

    fn fold(&mut self) {
        let whole = self.pending.len() / LEAVES * LEAVES;
        let mut level = Vec::new();
        self.lanes.pairs(&self.key, &self.pending[..whole], &mut level);
        for _ in 1..STORED_LEVEL {
            level = parents(&self.key, &self.lanes, &level);
        }
        self.stored.extend_from_slice(&level);
        self.pending.drain(..whole);
    }

    /// The root, and all stored nodes, level after level.
    pub fn finish(mut self) -> (Hash, Vec<Hash>) {
        self.fold();
        let mut top = self.stored.clone();
        if !self.pending.is_empty() {
            top.push(root(&self.key, &self.lanes, std::mem::take(&mut self.pending)));
        }
        let top = root(&self.key, &self.lanes, top);
        let (mut nodes, mut level) = (Vec::new(), self.stored);
        while !level.is_empty() {
            nodes.extend_from_slice(&level);
            level.truncate(level.len() & !1);
            level = parents(&self.key, &self.lanes, &level);
        }
        (top, nodes)
    }
}

/// A part of the trie: its hash and how many different records it holds.
#[derive(Clone, Copy)]
pub struct Branch {
    pub hash: Hash,
    pub distinct: u64,
}

pub const NOTHING: Branch = Branch { hash: EMPTY, distinct: 0 };

/// Builds branches; the scratch is kept from one to the next.
pub struct Trie {
    node: Key,
    leaf: Key,
    lanes: Lanes,
    arena: Vec<u8>,
    ends: Vec<u32>,
    leaves: Vec<Hash>,
    plan: Vec<Planned>,
    values: Vec<Hash>,
    pairs: Vec<Hash>,
}

/// A node by what it stands on.
struct Planned {
    left: u32,
    right: u32,
    depth: u16,
}

const NONE: u32 = u32::MAX;
const LEAF: u32 = 1 << 31;

impl Trie {
    pub fn new(node: Key, leaf: Key) -> Self {
        Trie {
            node,
            leaf,
            lanes: Lanes::default(),
            arena: Vec::new(),
            ends: Vec::new(),
            leaves: Vec::new(),
            plan: Vec::new(),
            values: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Branches over ascending hashes that share `skip` bits, one for each value of the bits from there to `depth`.
    pub fn branches(&mut self, sorted: &[Hash], skip: usize, depth: usize, out: &mut Vec<Branch>) {
        let keys = self.count(sorted);
        let mut from = 0;
        let mut roots = Vec::new();
        for prefix in 0..1usize << (depth - skip) {
            let to = from + keys[from..].partition_point(|key| prefix_of(key, skip, depth) <= prefix);
            roots.push((self.split(&keys, from, to, depth), (to - from) as u64));
            from = to;
        }
        self.hash();
        out.extend(roots.into_iter().map(|(root, distinct)| Branch { hash: self.value(root), distinct }));
        self.plan.clear();
    }

    /// Different hashes in order; their leaves go to `leaves`.
    fn count(&mut self, sorted: &[Hash]) -> Vec<Hash> {
        let mut keys: Vec<Hash> = Vec::with_capacity(sorted.len());
        self.arena.clear();
        self.ends.clear();
        let mut at = 0;
        while at < sorted.len() {
            let mut count = 1u64;
            while at + (count as usize) < sorted.len() && sorted[at + count as usize] == sorted[at] {
                count += 1;
            }
            keys.push(sorted[at]);
            self.arena.extend_from_slice(&sorted[at]);
            self.arena.extend_from_slice(&count.to_le_bytes());
            self.ends.push(self.arena.len() as u32);
            at += count as usize;
        }
        self.leaves.clear();
        self.lanes.hash_many(&self.leaf, &self.arena, &self.ends, &mut self.leaves);
        keys
    }

    fn split(&mut self, keys: &[Hash], from: usize, to: usize, depth: usize) -> u32 {
        match to - from {
            0 => NONE,
            1 => from as u32 | LEAF,
            _ => {
                let middle = from + keys[from..to].partition_point(|key| !bit(key, depth));
                let left = self.split(keys, from, middle, depth + 1);
                let right = self.split(keys, middle, to, depth + 1);
                self.plan.push(Planned { left, right, depth: depth as u16 });
                self.plan.len() as u32 - 1
            }
        }
    }

    /// Values of all planned nodes, the deepest first, those of one depth at once.
    fn hash(&mut self) {
        let mut order: Vec<u32> = (0..self.plan.len() as u32).collect();
        order.sort_by_key(|&node| std::cmp::Reverse(self.plan[node as usize].depth));
        self.values.clear();
        self.values.resize(self.plan.len(), EMPTY);
        let mut hashes = Vec::new();
        for level in order.chunk_by(|&a, &b| self.plan[a as usize].depth == self.plan[b as usize].depth) {
            self.pairs.clear();
            hashes.clear();
            for &node in level {
                let Planned { left, right, .. } = self.plan[node as usize];
                let (left, right) = (self.value(left), self.value(right));
                self.pairs.push(left);
                self.pairs.push(right);
            }
            self.lanes.pairs(&self.node, &self.pairs, &mut hashes);
            for (&node, &hash) in level.iter().zip(&hashes) {
                self.values[node as usize] = hash;
            }
        }
    }

    #[inline]
    fn value(&self, reference: u32) -> Hash {
        match reference {
            NONE => EMPTY,
            leaf if leaf & LEAF != 0 => self.leaves[(leaf & !LEAF) as usize],
            node => self.values[node as usize],
        }
    }

    /// All nodes from the root down to these branches, as a heap: node 1 is the root.
    pub fn heap(&self, branches: Vec<Branch>) -> (Vec<Hash>, Branch) {
        let mut heap = vec![EMPTY; 2 * branches.len()];
        let mut level = branches;
        loop {
            for (at, branch) in level.iter().enumerate() {
                heap[level.len() + at] = branch.hash;
            }
            if level.len() == 1 {
                return (heap, level[0]);
            }
            level = self.join(&level);
        }
    }

    fn join(&self, level: &[Branch]) -> Vec<Branch> {
        let mut pairs = Vec::new();
        for pair in level.chunks_exact(2).filter(|pair| pair[0].distinct + pair[1].distinct > 1) {
            pairs.extend([pair[0].hash, pair[1].hash]);
        }
        let mut hashes = Vec::new();
        self.lanes.pairs(&self.node, &pairs, &mut hashes);
        let mut next = hashes.into_iter();
        let join = |pair: &[Branch]| match pair[0].distinct + pair[1].distinct {
            0 => NOTHING,
            1 if pair[0].distinct == 1 => pair[0],
            1 => pair[1],
            distinct => Branch { hash: next.next().unwrap_or(EMPTY), distinct },
        };
        level.chunks_exact(2).map(join).collect()
    }
}

#[inline]
fn bit(hash: &Hash, depth: usize) -> bool {
    hash[depth / 8] >> (7 - depth % 8) & 1 == 1
}

fn prefix_of(hash: &Hash, skip: usize, depth: usize) -> usize {
    let bits = u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
    if depth == skip { 0 } else { (bits << skip >> (64 - (depth - skip))) as usize }
}
