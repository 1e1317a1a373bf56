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
    /// Nothing, then the leaves, then the nodes.
    values: Vec<Hash>,
    nodes: u32,
    /// Nodes to be hashed, by their depth.
    joins: Vec<Vec<Join>>,
    /// The first of each different hash, and how many bits it shares with the next one.
    firsts: Vec<u32>,
    shared: Vec<u16>,
    open: Open,
}

/// Places in `values`.
struct Join {
    left: u32,
    right: u32,
    node: u32,
}

const NOWHERE: u32 = 0;
const BITS: usize = 256;

/// Parts that are not finished, each with the bits it shares with what comes after it, which ascend: its value, its last
/// leaf, and its depth; a leaf's is `BITS`, as it stands wherever it is alone.
struct Open {
    shared: [u16; BITS],
    value: [u32; BITS],
    last: [u32; BITS],
    depth: [u16; BITS],
}

impl Trie {
    pub fn new(node: Key, leaf: Key) -> Self {
        Trie {
            node,
            leaf,
            lanes: Lanes::default(),
            values: Vec::new(),
            nodes: 0,
            joins: (0..BITS).map(|_| Vec::new()).collect(),
            firsts: Vec::new(),
            shared: Vec::new(),
            open: Open { shared: [0; BITS], value: [0; BITS], last: [0; BITS], depth: [0; BITS] },
        }
    }

    /// Branches over ascending hashes that share `skip` bits, one for each value of the bits from there to `depth`. Each is
    /// there as often as its weight says; without weights once.
    pub fn branches(&mut self, sorted: &[Hash], weights: Option<&[u32]>, skip: usize, depth: usize, out: &mut Vec<Branch>) {
        self.leaves(sorted, weights);
        self.nodes = 1 + self.firsts.len() as u32;
        let base = out.len();
        out.resize(base + (1 << (depth - skip)), NOTHING);
        let mut roots = Vec::new();
        let mut from = 0;
        while from < self.firsts.len() {
            let (root, to) = self.plan(sorted, from, depth);
            roots.push((prefix_of(&sorted[self.firsts[from] as usize], skip, depth), root, (to - from) as u64));
            from = to;
        }
        self.hash();
        for (prefix, root, distinct) in roots {
            out[base + prefix] = Branch { hash: self.values[root as usize], distinct };
        }
    }

    /// Finds different hashes and the values of their leaves.
    fn leaves(&mut self, sorted: &[Hash], weights: Option<&[u32]>) {
        self.firsts.clear();
        self.shared.clear();
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
        // Nothing comes after the last one.
        self.shared.push(0);
        let mut one = EMPTY;
        one[0] = 1;
        let firsts = &self.firsts;
        self.values.clear();
        self.values.resize(1 + firsts.len(), EMPTY);
        let leaves = &mut self.values[1..];
        self.lanes.halves(&self.leaf, LEAF, firsts.len(), |i| (&sorted[firsts[i] as usize], &one), |i, hash| leaves[i] = *hash);
        if firsts.len() < sorted.len() || weights.is_some() {
            let repeated = repetitions(firsts, sorted.len(), weights);
            let leaf = |i: usize| (&sorted[firsts[repeated[i].0] as usize], &repeated[i].1);
            self.lanes.halves(&self.leaf, LEAF, repeated.len(), leaf, |i, hash| leaves[repeated[i].0] = *hash);
        }
    }

    /// Plans the nodes over the leaves from one on that share `depth` bits: a part is finished when what follows shares fewer
    /// bits with it. @return the root, and the first leaf that shares fewer.
    fn plan(&mut self, sorted: &[Hash], from: usize, depth: usize) -> (u32, usize) {
        let mut open = 0;
        let mut at = from;
        loop {
            let next = usize::from(self.shared[at]);
            let is_last = at + 1 == self.firsts.len() || next < depth;
            let (mut value, mut above) = (1 + at as u32, BITS);
            while open > 0 && (is_last || usize::from(self.open.shared[open - 1]) > next) {
                open -= 1;
                let Open { shared, value: values, last, depth: depths } = &self.open;
                let (bits, left, last, left_depth) = (usize::from(shared[open]), values[open], last[open], usize::from(depths[open]));
                let left = self.lift(left, bits + 1..left_depth, last as usize, sorted);
                let right = self.lift(value, bits + 1..above, at, sorted);
                (value, above) = (self.join(left, right, bits), bits);
            }
            if is_last {
                return (self.lift(value, depth..above, at, sorted), at + 1);
            }
            (self.open.shared[open], self.open.value[open]) = (next as u16, value);
            (self.open.last[open], self.open.depth[open]) = (at as u32, above as u16);
            open += 1;
            at += 1;
        }
    }

    /// Nodes above a part that have nothing on the other side.
    #[inline]
    fn lift(&mut self, mut value: u32, depths: std::ops::Range<usize>, leaf: usize, sorted: &[Hash]) -> u32 {
        if depths.end < BITS {
            for depth in depths.rev() {
                let key = &sorted[self.firsts[leaf] as usize];
                value = if bit(key, depth) { self.join(NOWHERE, value, depth) } else { self.join(value, NOWHERE, depth) };
            }
        }
        value
    }

    #[inline]
    fn join(&mut self, left: u32, right: u32, depth: usize) -> u32 {
        let node = self.nodes;
        self.nodes += 1;
        self.joins[depth].push(Join { left, right, node });
        node
    }

    /// Values of all planned nodes, the deepest first, those of one depth at once.
    fn hash(&mut self) {
        self.values.resize(self.nodes as usize, EMPTY);
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
