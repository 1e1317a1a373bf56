//! The index: hashes sorted, positions, both trees (layout: `index-layout.ts`). Memory does not grow with the hashes: they
//! are spilled into 256 buckets by their first byte, and each is sorted by itself.

use crate::columns::Columns;
use crate::hashing;
use crate::lanes::Hash;
use crate::scan::{Found, Stop};
use crate::trees::{Branch, Ordered, Trie};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const BUCKETS: usize = 256;
/// Records of a run that is spilled.
const RUN: usize = 512;
const HEADER: u64 = 64;
const OFFSET_STEP: u64 = 64;
const MAX_PREFIX_BITS: usize = 16;

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C, align(4))]
struct Entry {
    hash: Hash,
    position: u32,
}

/// Records whose hashes begin with the same byte, in order: runs in the spill, and the one that is not full yet.
struct Bucket {
    run: Vec<Entry>,
    /// Offsets of full runs in the spill.
    spilled: Vec<u64>,
}

impl Bucket {
    fn len(&self) -> usize {
        self.spilled.len() * RUN + self.run.len()
    }
}

/// Takes what was found, in order.
pub struct Sink {
    spill: File,
    spill_end: u64,
    buckets: Vec<Bucket>,
    ordered: Ordered,
    pub records: u64,
    offsets: Vec<u64>,
    keeps: bool,
}

pub const MAX_RECORDS: u64 = u32::MAX as u64 - 1;

impl Sink {
    /// `spill` is a file of nobody else's.
    pub fn new(spill: File, keeps: bool) -> Self {
        let buckets = (0..BUCKETS).map(|_| Bucket { run: Vec::with_capacity(RUN), spilled: Vec::new() }).collect();
        Sink { spill, spill_end: 0, buckets, ordered: Ordered::new(hashing::node()), records: 0, offsets: Vec::new(), keeps }
    }

    pub fn add(&mut self, found: &Found) -> Result<(), Stop> {
        self.ordered.add(&found.hashes);
        if self.keeps {
            let first = (OFFSET_STEP - self.records % OFFSET_STEP) % OFFSET_STEP;
            match found.offsets.is_empty() {
                true => self.offsets.extend((first..found.hashes.len() as u64).step_by(OFFSET_STEP as usize).map(|_| 0)),
                false => self.offsets.extend(found.offsets.iter().skip(first as usize).step_by(OFFSET_STEP as usize)),
            }
        }
        for (hash, position) in found.hashes.iter().zip(self.records as u32..) {
            let bucket = &mut self.buckets[hash[0] as usize];
            bucket.run.push(Entry { hash: *hash, position });
            if bucket.run.len() == RUN {
                self.spill.write_all_at(bytes_of(&bucket.run), self.spill_end)?;
                bucket.spilled.push(self.spill_end);
                self.spill_end += size_of_val(bucket.run.as_slice()) as u64;
                bucket.run.clear();
            }
        }
        self.records += found.hashes.len() as u64;
        if self.records > MAX_RECORDS {
            return Err(Stop::Unsupported("more than 4294967294 records".into()));
        }
        Ok(())
    }

    /// Sorts, builds the trie, and writes all but the header and the roots' text.
    pub fn finish(self, threads: usize, out: Option<&File>) -> io::Result<Roots> {
        let records = self.records as usize;
        let (ordered, nodes) = self.ordered.finish();
        let layout = Layout::new(self.records, nodes.len() as u64);
        let deep = layout.prefix_bits.max(8);
        let starts: Vec<usize> = self
            .buckets
            .iter()
            .scan(0, |sum, bucket| {
                let start = *sum;
                *sum += bucket.len();
                Some(start)
            })
            .collect();
        let width = 1 << (deep - 8);
        let branches = Mutex::new(vec![crate::trees::NOTHING; BUCKETS * width]);
        let mut fence = vec![0u32; (1 << layout.prefix_bits) + 1];
        let counts = Mutex::new(&mut fence);
        let ranks = Ranks::new(if out.is_some() { records } else { 0 });
        let next = AtomicUsize::new(0);
        let failure: Mutex<Option<io::Error>> = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut worker = Worker::default();
                    let mut trie = Trie::new(hashing::node(), hashing::set_leaf());
                    loop {
                        let index = next.fetch_add(1, Relaxed);
                        if index >= BUCKETS {
                            break;
                        }
                        let mut own: Vec<Branch> = Vec::with_capacity(width);
                        let outcome = worker.sort(&self.spill, &self.buckets[index]).and_then(|()| {
                            if let Some(file) = out {
                                let start = starts[index];
                                file.write_all_at(worker.hashes.as_flattened(), HEADER + 32 * start as u64)?;
                                file.write_all_at(bytes_of(&worker.positions), layout.positions + 4 * start as u64)?;
                                ranks.set(&worker.positions, start as u32);
                            }
                            Ok(())
                        });
                        if let Err(error) = outcome {
                            *lock(&failure) = Some(error);
                            break;
                        }
                        worker.branches(&mut trie, deep, &mut own);
                        lock(&branches)[index * width..][..width].copy_from_slice(&own);
                        count_prefixes(&worker.hashes, layout.prefix_bits, &mut lock(&counts));
                    }
                });
            }
        });
        if let Some(error) = lock(&failure).take() {
            return Err(error);
        }
        let trie = Trie::new(hashing::node(), hashing::set_leaf());
        let (mut heap, set) = trie.heap(branches.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
        if let Some(file) = out {
            for at in 1..fence.len() {
                fence[at] += fence[at - 1];
            }
            heap.truncate(1 << (layout.prefix_bits + 1));
            ranks.write(file, layout.ranks)?;
            file.write_all_at(nodes.as_flattened(), layout.nodes)?;
            file.write_all_at(bytes_of(&fence), layout.fence)?;
            file.write_all_at(heap.as_flattened(), layout.trie)?;
            file.write_all_at(bytes_of(&self.offsets), layout.offsets)?;
        }
        Ok(Roots { records: self.records, distinct: set.distinct, ordered, set: set.hash })
    }
}

pub struct Roots {
    pub records: u64,
    pub distinct: u64,
    pub ordered: Hash,
    pub set: Hash,
}

/// The answer to the addon's caller.
pub struct Indexed {
    pub roots: Roots,
    pub columns: Columns,
    /// Records of each file.
    pub parts: Vec<u64>,
}

struct Layout {
    prefix_bits: usize,
    positions: u64,
    ranks: u64,
    nodes: u64,
    fence: u64,
    trie: u64,
    offsets: u64,
}

impl Layout {
    fn new(records: u64, nodes: u64) -> Self {
        let prefix_bits = (records.max(1).ilog2() as usize).saturating_sub(4).min(MAX_PREFIX_BITS);
        let positions = HEADER + 32 * records;
        let ranks = positions + 4 * records;
        let stored = ranks + 4 * records;
        let fence = stored + 32 * nodes;
        let trie = fence + 4 * ((1 << prefix_bits) + 1);
        let offsets = trie + (32 << (prefix_bits + 1));
        Layout { prefix_bits, positions, ranks, nodes: stored, fence, trie, offsets }
    }
}

/// Scratch of one sorting thread, and what it sorted.
#[derive(Default)]
struct Worker {
    run: Vec<Entry>,
    /// Where records of a cell go: hashes are uniform, so that a cell has one or two.
    places: Vec<u32>,
    hashes: Vec<Hash>,
    positions: Vec<u32>,
}

/// Records of equal hashes, or of a cell that has got many, are sorted apart.
const FEW: usize = 24;

impl Worker {
    /// Twice through the runs: how many there are of each cell, then each to its cell.
    fn sort(&mut self, spill: &File, bucket: &Bucket) -> io::Result<()> {
        let bits = bucket.len().max(1).ilog2();
        let cell = |hash: &Hash| ((u32::from_be_bytes([hash[1], hash[2], hash[3], hash[4]]) as u64) << bits >> 32) as usize;
        self.places.clear();
        self.places.resize((1 << bits) + 1, 0);
        let places = &mut self.places;
        each_run(&mut self.run, spill, bucket, |run| run.iter().for_each(|entry| places[cell(&entry.hash) + 1] += 1))?;
        for at in 1..places.len() {
            places[at] += places[at - 1];
        }
        self.hashes.resize(bucket.len(), [0; 32]);
        self.positions.resize(bucket.len(), 0);
        let (hashes, positions) = (&mut self.hashes, &mut self.positions);
        each_run(&mut self.run, spill, bucket, |run| {
            for entry in run {
                let place = &mut places[cell(&entry.hash)];
                hashes[*place as usize] = entry.hash;
                positions[*place as usize] = entry.position;
                *place += 1;
            }
        })?;
        let mut from = 0;
        for &to in &places[..1 << bits] {
            let to = to as usize;
            if to - from > 1 {
                order(&mut hashes[from..to], &mut positions[from..to]);
            }
            from = to;
        }
        Ok(())
    }

    /// Branches of what was sorted, in slices that caches hold.
    fn branches(&self, trie: &mut Trie, depth: usize, out: &mut Vec<Branch>) {
        let slice = depth.min(12);
        let mut from = 0;
        for prefix in 0..1usize << (slice - 8) {
            let to = from + self.hashes[from..].partition_point(|hash| usize::from(hash[1]) >> (16 - slice) <= prefix);
            trie.branches(&self.hashes[from..to], slice, depth, out);
            from = to;
        }
    }
}

fn each_run(run: &mut Vec<Entry>, spill: &File, bucket: &Bucket, mut take: impl FnMut(&[Entry])) -> io::Result<()> {
    run.resize(RUN, Entry::default());
    for &offset in &bucket.spilled {
        spill.read_exact_at(bytes_of_mut(run), offset)?;
        take(run);
    }
    take(&bucket.run);
    Ok(())
}

#[inline]
fn is_before(a: &Hash, b: &Hash) -> bool {
    let first = |hash: &Hash| u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
    let (left, right) = (first(a), first(b));
    left < right || (left == right && a < b)
}

/// Sorts a cell, whose positions ascend.
fn order(hashes: &mut [Hash], positions: &mut [u32]) {
    if hashes.len() > FEW {
        let mut entries: Vec<Entry> = hashes.iter().zip(&*positions).map(|(&hash, &position)| Entry { hash, position }).collect();
        entries.sort_unstable();
        for ((entry, hash), position) in entries.iter().zip(hashes).zip(positions) {
            (*hash, *position) = (entry.hash, entry.position);
        }
        return;
    }
    for from in 1..hashes.len() {
        let mut at = from;
        while at > 0 && is_before(&hashes[at], &hashes[at - 1]) {
            hashes.swap(at, at - 1);
            positions.swap(at, at - 1);
            at -= 1;
        }
    }
}

fn count_prefixes(hashes: &[Hash], bits: usize, fence: &mut [u32]) {
    for hash in hashes {
        let prefix = (u32::from(hash[0]) << 8 | u32::from(hash[1])) >> (MAX_PREFIX_BITS - bits);
        fence[prefix as usize + 1] += 1;
    }
}

/// Position → place in the sorted hashes; each is set once, by the thread whose bucket it is in.
struct Ranks(Vec<std::sync::atomic::AtomicU32>);

impl Ranks {
    fn new(records: usize) -> Self {
        Ranks((0..records).map(|_| std::sync::atomic::AtomicU32::new(0)).collect())
    }

    fn set(&self, positions: &[u32], start: u32) {
        for (place, &position) in (start..).zip(positions) {
            self.0[position as usize].store(place, Relaxed);
        }
    }

    fn write(self, file: &File, offset: u64) -> io::Result<()> {
        let ranks: Vec<u32> = self.0.into_iter().map(std::sync::atomic::AtomicU32::into_inner).collect();
        file.write_all_at(bytes_of(&ranks), offset)
    }
}

pub fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Plain data as bytes; the machines this is built for are little-endian, as the index is.
fn bytes_of<T: Copy>(of: &[T]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little")) };
    // SAFETY: `T` is u32, u64 or `Entry`: no padding.
    unsafe { std::slice::from_raw_parts(of.as_ptr().cast(), size_of_val(of)) }
}

fn bytes_of_mut<T: Copy>(of: &mut [T]) -> &mut [u8] {
    // SAFETY: as above, and every bit pattern is a value.
    unsafe { std::slice::from_raw_parts_mut(of.as_mut_ptr().cast(), size_of_val(of)) }
}
