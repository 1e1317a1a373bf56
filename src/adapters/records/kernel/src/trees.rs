//! The ordered tree and the trie of the set (docs/datasets.md).

use crate::lanes::{BLOCK, Hash, Key, Lanes};
use crate::sort::room;

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

/// Stored nodes that are joined to one as they come.
const JOINED: usize = 1 << 12;

/// The tree of RFC 9162 over hashes that come in order. If it keeps them, there is a node for every 256 hashes.
pub struct Ordered {
    key: Key,
    lanes: Lanes,
    keeps: bool,
    stored: Vec<Hash>,
    /// Nodes over `JOINED` stored ones each; these are gone unless they are kept.
    joined: Vec<Hash>,
}

impl Ordered {
    pub fn new(key: Key, keeps: bool) -> Self {
        Ordered { key, lanes: Lanes::default(), keeps, stored: Vec::new(), joined: Vec::new() }
    }

    /// Hashes, a multiple of 256.
    pub fn add(&mut self, hashes: &[Hash]) {
        debug_assert!(hashes.len().is_multiple_of(LEAVES));
        let mut level = Vec::new();
        self.lanes.pairs(&self.key, hashes, &mut level);
        for _ in 1..STORED_LEVEL {
            level = parents(&self.key, &self.lanes, &level);
        }
        self.stored.extend_from_slice(&level);
        let done = if self.keeps { JOINED * self.joined.len() } else { 0 };
        if self.stored.len() >= done + JOINED {
            self.joined.push(root(&self.key, &self.lanes, self.stored[done..done + JOINED].to_vec()));
            if !self.keeps {
                self.stored.drain(..JOINED);
            }
        }
    }

    /// The root over all hashes, of which the last may be any number, and if it keeps them the stored nodes, level after level.
    pub fn finish(mut self, last: &[Hash]) -> (Hash, Vec<Hash>) {
        let (whole, rest) = last.split_at(last.len() / LEAVES * LEAVES);
        self.add(whole);
        let done = if self.keeps { JOINED * self.joined.len() } else { 0 };
        let mut right = self.stored[done..].to_vec();
        let mut top = self.joined;
        if !rest.is_empty() {
            right.push(root(&self.key, &self.lanes, rest.to_vec()));
        }
        if !right.is_empty() {
            top.push(root(&self.key, &self.lanes, right));
        }
        let nodes = if self.keeps { levels(&self.key, &self.lanes, self.stored) } else { Vec::new() };
        (root(&self.key, &self.lanes, top), nodes)
    }
}

/// Nodes, then those above them, as far as there are two of them.
fn levels(key: &Key, lanes: &Lanes, mut nodes: Vec<Hash>) -> Vec<Hash> {
    let mut below = 0..nodes.len();
    nodes.reserve_exact(below.len());
    while below.len() > 1 {
        let up = parents(key, lanes, &nodes[below.start..below.end - below.len() % 2]);
        nodes.extend(up);
        below = below.end..nodes.len();
    }
    nodes
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
    /// Nothing, then the leaves, then the nodes, the deepest first.
    values: Vec<Hash>,
    /// The first of each different hash.
    firsts: Vec<u32>,
    /// How many bits each of them shares with the one before it; `BITS` where there is none, also behind the last.
    shared: Vec<u16>,
    /// By the bits they share with the one before: those that share `depth` begin at `starts[depth]`.
    by_shared: Vec<u32>,
    starts: Vec<u32>,
    parts: Vec<Part>,
    /// Where the parts that are more than a leaf begin.
    begins: Vec<u32>,
    /// Places in `values` of the two halves of the nodes of one depth.
    joins: Vec<[u32; 2]>,
}

/// Of leaves that stand under one node so far, at its first leaf and at its last one: where the other is, and its place in `values`.
#[derive(Clone, Copy)]
struct Part {
    other: u32,
    value: u32,
}

const NOWHERE: u32 = 0;
const BITS: usize = 256;

impl Trie {
    pub fn new(node: Key, leaf: Key) -> Self {
        Trie {
            node,
            leaf,
            lanes: Lanes::default(),
            values: Vec::new(),
            firsts: Vec::new(),
            shared: Vec::new(),
            by_shared: Vec::new(),
            starts: Vec::new(),
            parts: Vec::new(),
            begins: Vec::new(),
            joins: Vec::new(),
        }
    }

    /// Branches over ascending hashes that share `skip` bits, one for each value of the bits from there to `depth`. Each is
    /// there as often as its weight says; without weights once.
    pub fn branches(&mut self, sorted: &[Hash], weights: Option<&[u32]>, skip: usize, depth: usize, out: &mut Vec<Branch>) {
        self.leaves(sorted, weights);
        self.sort_by_shared();
        self.parts.clear();
        self.parts.extend((0..self.firsts.len() as u32).map(|at| Part { other: at, value: 1 + at }));
        self.begins.clear();
        for depth in (depth..BITS).rev() {
            self.level(sorted, depth);
        }
        let base = out.len();
        out.resize(base + (1 << (depth - skip)), NOTHING);
        let mut from = 0;
        while let Some(&Part { other, value }) = self.parts.get(from) {
            let prefix = prefix_of(&sorted[self.firsts[from] as usize], skip, depth);
            out[base + prefix] = Branch { hash: self.values[value as usize], distinct: (other as usize + 1 - from) as u64 };
            from = other as usize + 1;
        }
    }

    /// Finds different hashes and the values of their leaves.
    fn leaves(&mut self, sorted: &[Hash], weights: Option<&[u32]>) {
        self.firsts.clear();
        self.shared.clear();
        self.shared.push(BITS as u16);
        if !sorted.is_empty() {
            self.firsts.push(0);
        }
        for (at, [before, hash]) in (1..).zip(sorted.array_windows()) {
            let bits = bits_in_common(before, hash);
            if bits < BITS {
                self.firsts.push(at);
                self.shared.push(bits as u16);
            }
        }
        if !sorted.is_empty() {
            self.shared.push(BITS as u16);
        }
        let mut one = EMPTY;
        one[0] = 1;
        let firsts = &self.firsts;
        self.values.clear();
        self.values.resize(1 + firsts.len(), EMPTY);
        let leaves = &mut self.values[1..];
        self.lanes.halves(&self.leaf, LEAF, firsts.len(), |i| (&sorted[firsts[i] as usize], &one), leaves, |i| i);
        if firsts.len() < sorted.len() || weights.is_some() {
            let repeated = repetitions(firsts, sorted.len(), weights);
            let leaf = |i: usize| (&sorted[firsts[repeated[i].0] as usize], &repeated[i].1);
            self.lanes.halves(&self.leaf, LEAF, repeated.len(), leaf, leaves, |i| repeated[i].0);
        }
    }

    /// Hashes are uniform: what would be compared is foreseen by nobody, so it is counted instead.
    fn sort_by_shared(&mut self) {
        self.starts.clear();
        self.starts.resize(BITS + 2, 0);
        self.shared.iter().for_each(|&bits| self.starts[usize::from(bits) + 1] += 1);
        for bits in 1..self.starts.len() {
            self.starts[bits] += self.starts[bits - 1];
        }
        let places = room(&mut self.by_shared, self.shared.len());
        for (&bits, at) in self.shared.iter().zip(0..) {
            let place = &mut self.starts[usize::from(bits)];
            places[*place as usize] = at;
            *place += 1;
        }
        // Each has become the next one's.
        self.starts.rotate_right(1);
        self.starts[0] = 0;
    }

    /// The nodes of one depth: over two parts that share so many bits, and over one beside nothing, if it is no leaf, which
    /// stands wherever it is alone.
    fn level(&mut self, sorted: &[Hash], depth: usize) {
        let pairs = &self.by_shared[self.starts[depth] as usize..self.starts[depth + 1] as usize];
        if pairs.is_empty() && self.begins.is_empty() {
            return;
        }
        let below = self.values.len();
        self.joins.clear();
        self.joins.resize(self.begins.len() + pairs.len(), [NOWHERE; 2]);
        let mut joins = 0;
        for at in 0..self.begins.len() {
            let begin = self.begins[at];
            let Part { other: end, value } = self.parts[begin as usize];
            let is_paired = usize::from(self.shared[begin as usize]) == depth || usize::from(self.shared[end as usize + 1]) == depth;
            let side = usize::from(bit(&sorted[self.firsts[begin as usize] as usize], depth));
            self.joins[joins] = [NOWHERE; 2];
            self.joins[joins][side] = value;
            // Written over by the next one, where it is paired.
            self.begins[joins] = begin;
            let value = if is_paired { value } else { (below + joins) as u32 };
            self.parts[begin as usize].value = value;
            self.parts[end as usize].value = value;
            joins += usize::from(!is_paired);
        }
        self.begins.truncate(joins);
        for &right in pairs {
            let (left, right) = (self.parts[right as usize - 1], self.parts[right as usize]);
            let value = (below + joins) as u32;
            self.joins[joins] = [left.value, right.value];
            self.parts[left.other as usize] = Part { other: right.other, value };
            self.parts[right.other as usize] = Part { other: left.other, value };
            self.begins.push(left.other);
            joins += 1;
        }
        self.values.resize(below + joins, EMPTY);
        let (values, nodes) = self.values.split_at_mut(below);
        let halves = |i: usize| (&values[self.joins[i][0] as usize], &values[self.joins[i][1] as usize]);
        self.lanes.halves(&self.node, BLOCK, joins, halves, nodes, |i| i);
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

/// Which of the first places is repeated, and how often, as a leaf has it.
fn repetitions(firsts: &[u32], end: usize, weights: Option<&[u32]>) -> Vec<(usize, Hash)> {
    let nexts = firsts.iter().skip(1).map(|&next| next as usize).chain([end]);
    let count = |from: usize, to: usize| weights.map_or((to - from) as u64, |weights| weights[from..to].iter().map(|&weight| u64::from(weight)).sum());
    let counts = firsts.iter().zip(nexts).map(|(&first, next)| count(first as usize, next));
    let padded = |count: u64| std::array::from_fn(|at| if at < 8 { count.to_le_bytes()[at] } else { 0 });
    counts.enumerate().filter(|&(_, count)| count > 1).map(|(at, count)| (at, padded(count))).collect()
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

/// The bits from `skip` to `depth`.
#[inline]
pub fn prefix_of(hash: &Hash, skip: usize, depth: usize) -> usize {
    let bits = u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
    if depth == skip { 0 } else { (bits << skip >> (64 - (depth - skip))) as usize }
}
