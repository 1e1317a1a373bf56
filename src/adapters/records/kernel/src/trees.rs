//! The ordered tree and the trie of the set (docs/datasets.md).

use crate::lanes::{BLOCK, Hash, Key, Lanes};

pub const EMPTY: Hash = [0; 32];
/// Levels of the ordered tree below this are not kept.
pub const STORED_LEVEL: u32 = 8;
/// Bytes of a leaf of the set: a hash, and how often it is there.
const LEAF: usize = 40;
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
    /// Nothing, then the leaves, then the nodes.
    values: Vec<Hash>,
    /// Nodes to be hashed, by their depth.
    joins: Vec<Vec<Join>>,
    /// Leaves of records that are there more than once, and how often.
    repeated: Vec<(usize, Hash)>,
}

/// Places in `values`.
struct Join {
    left: u32,
    right: u32,
    node: u32,
}

/// A part of a branch: its value, its last leaf, and the depth where it stands; a leaf stands wherever it is alone.
#[derive(Clone, Copy)]
struct Part {
    value: u32,
    last: usize,
    depth: usize,
}

const NOWHERE: u32 = 0;
const BITS: usize = 256;

impl Trie {
    pub fn new(node: Key, leaf: Key) -> Self {
        let joins = (0..BITS).map(|_| Vec::new()).collect();
        Trie { node, leaf, lanes: Lanes::default(), values: Vec::new(), joins, repeated: Vec::new() }
    }

    /// Branches over ascending hashes that share `skip` bits, one for each value of the bits from there to `depth`.
    pub fn branches(&mut self, sorted: &[Hash], skip: usize, depth: usize, out: &mut Vec<Branch>) {
        let (firsts, shared) = self.leaves(sorted);
        let base = out.len();
        out.resize(base + (1 << (depth - skip)), NOTHING);
        let mut roots = Vec::new();
        let mut from = 0;
        while from < firsts.len() {
            let to = from + shared[from..].iter().position(|&bits| usize::from(bits) < depth).unwrap_or(firsts.len() - from - 1) + 1;
            let root = self.plan(|at| &sorted[firsts[at] as usize], from..to, &shared, depth);
            roots.push((prefix_of(&sorted[firsts[from] as usize], skip, depth), root, (to - from) as u64));
            from = to;
        }
        self.hash();
        for (prefix, root, distinct) in roots {
            out[base + prefix] = Branch { hash: self.values[root as usize], distinct };
        }
    }

    /// Values of the leaves. @return the first of each different hash, and how many bits it shares with the next one.
    fn leaves(&mut self, sorted: &[Hash]) -> (Vec<u32>, Vec<u16>) {
        let mut firsts: Vec<u32> = Vec::with_capacity(sorted.len());
        let mut shared: Vec<u16> = Vec::with_capacity(sorted.len());
        for (at, hash) in sorted.iter().enumerate() {
            match if at == 0 { 0 } else { bits_in_common(&sorted[at - 1], hash) } {
                BITS => continue,
                _ if at == 0 => (),
                bits => shared.push(bits as u16),
            }
            firsts.push(at as u32);
        }
        let mut one = EMPTY;
        one[0] = 1;
        self.values.clear();
        self.values.resize(1 + firsts.len(), EMPTY);
        let leaves = &mut self.values[1..];
        self.lanes.halves(&self.leaf, LEAF, firsts.len(), |i| (&sorted[firsts[i] as usize], &one), |i, hash| leaves[i] = *hash);
        self.repeated.clear();
        if firsts.len() < sorted.len() {
            for (i, &first) in firsts.iter().enumerate() {
                let next = firsts.get(i + 1).map_or(sorted.len(), |&next| next as usize);
                let count = (next - first as usize) as u64;
                if count > 1 {
                    let mut bytes = EMPTY;
                    bytes[..8].copy_from_slice(&count.to_le_bytes());
                    self.repeated.push((i, bytes));
                }
            }
            let repeated = &self.repeated;
            let leaf = |i: usize| (&sorted[firsts[repeated[i].0] as usize], &repeated[i].1);
            self.lanes.halves(&self.leaf, LEAF, repeated.len(), leaf, |i, hash| leaves[repeated[i].0] = *hash);
        }
        (firsts, shared)
    }

    /// Plans the nodes over some leaves, from left to right: a part is finished when what follows shares fewer bits with it.
    fn plan<'a>(&mut self, key: impl Fn(usize) -> &'a Hash, range: std::ops::Range<usize>, shared: &[u16], depth: usize) -> u32 {
        // Each with the bits it shares with what comes after it.
        let mut open: Vec<(Part, usize)> = Vec::new();
        for at in range.clone() {
            let mut part = Part { value: 1 + at as u32, last: at, depth: BITS };
            let is_last = at + 1 == range.end;
            while let Some(&(left, bits)) = open.last()
                && (is_last || bits > usize::from(shared[at]))
            {
                open.pop();
                let left = self.lift(left, bits + 1, &key);
                let right = self.lift(part, bits + 1, &key);
                part = Part { value: self.join(left, right, bits), last: at, depth: bits };
            }
            if is_last {
                return self.lift(part, depth, &key);
            }
            open.push((part, usize::from(shared[at])));
        }
        NOWHERE
    }

    /// Nodes above a part that have nothing on the other side.
    #[inline]
    fn lift<'a>(&mut self, part: Part, to: usize, key: impl Fn(usize) -> &'a Hash) -> u32 {
        let mut value = part.value;
        if part.depth == BITS {
            return value;
        }
        for depth in (to..part.depth).rev() {
            value = if bit(key(part.last), depth) { self.join(NOWHERE, value, depth) } else { self.join(value, NOWHERE, depth) };
        }
        value
    }

    #[inline]
    fn join(&mut self, left: u32, right: u32, depth: usize) -> u32 {
        let node = self.values.len() as u32;
        self.values.push(EMPTY);
        self.joins[depth].push(Join { left, right, node });
        node
    }

    /// Values of all planned nodes, the deepest first, those of one depth at once.
    fn hash(&mut self) {
        let mut hashes = Vec::new();
        for joins in self.joins.iter_mut().rev().filter(|joins| !joins.is_empty()) {
            hashes.clear();
            hashes.resize(joins.len(), EMPTY);
            let values = &self.values;
            let halves = |i: usize| (&values[joins[i].left as usize], &values[joins[i].right as usize]);
            self.lanes.halves(&self.node, BLOCK, joins.len(), halves, |i, hash| hashes[i] = *hash);
            for (join, hash) in joins.drain(..).zip(&hashes) {
                self.values[join.node as usize] = *hash;
            }
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
            level = self.above(&level);
        }
    }

    fn above(&self, level: &[Branch]) -> Vec<Branch> {
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

/// Leading bits that two hashes have in common.
#[inline]
fn bits_in_common(a: &Hash, b: &Hash) -> usize {
    for (at, (a, b)) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).enumerate() {
        let differing = u64::from_be_bytes(*a) ^ u64::from_be_bytes(*b);
        if differing != 0 {
            return 64 * at + differing.leading_zeros() as usize;
        }
    }
    BITS
}

#[inline]
fn bit(hash: &Hash, depth: usize) -> bool {
    hash[depth / 8] >> (7 - depth % 8) & 1 == 1
}

fn prefix_of(hash: &Hash, skip: usize, depth: usize) -> usize {
    let bits = u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
    if depth == skip { 0 } else { (bits << skip >> (64 - (depth - skip))) as usize }
}
