//! The index: hashes sorted, positions, both trees (layout: `index-layout.ts`). Hashes are spilled into buckets, and each
//! is sorted by itself.

use crate::columns::Columns;
use crate::hashing;
use crate::lanes::Hash;
use crate::scan::{Found, Stop};
use crate::sort::{Sorter, room};
use crate::spill::{BUCKET_BITS, BUCKETS, CHUNK, Spill, bytes_of};
use crate::trees::{Branch, NOTHING, Ordered, Trie, prefix_of};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const HEADER: u64 = 64;
const OFFSET_STEP: u64 = 64;
const MAX_PREFIX_BITS: usize = 16;
/// Records of a bucket are put in order and hashed about so many at a time: what that takes stays small.
const STRETCH_BITS: u32 = 13;
/// Records that go into the ordered tree at a time.
const FOLD: usize = 4096;

/// Takes what was found, in order.
pub struct Sink {
    spill: Spill,
    /// Of the chunk that is not full yet, of which as many are in the ordered tree already.
    chunk: Vec<Hash>,
    folded: usize,
    ordered: Ordered,
    pub records: u64,
    offsets: Vec<u64>,
    keeps: bool,
}

pub const MAX_RECORDS: u64 = u32::MAX as u64 - 1;

impl Sink {
    /// `spill` is a file of nobody else's.
    pub fn new(spill: File, keeps: bool) -> Self {
        let ordered = Ordered::new(hashing::node(), keeps);
        Sink { spill: Spill::new(spill, keeps), chunk: Vec::new(), folded: 0, ordered, records: 0, offsets: Vec::new(), keeps }
    }

    pub fn add(&mut self, found: &Found) -> Result<(), Stop> {
        if self.keeps {
            let first = (OFFSET_STEP - self.records % OFFSET_STEP) % OFFSET_STEP;
            match found.offsets.is_empty() {
                true => self.offsets.extend((first..found.hashes.len() as u64).step_by(OFFSET_STEP as usize).map(|_| 0)),
                false => self.offsets.extend(found.offsets.iter().skip(first as usize).step_by(OFFSET_STEP as usize)),
            }
        }
        self.records += found.hashes.len() as u64;
        if self.records > MAX_RECORDS {
            return Err(Stop::Unsupported("more than 4294967294 records".into()));
        }
        let mut rest = found.hashes.as_slice();
        while !rest.is_empty() {
            let (some, others) = rest.split_at(rest.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(some);
            rest = others;
            self.fold();
            if self.chunk.len() == CHUNK {
                self.spill.add(&self.chunk, (self.records - rest.len() as u64 - CHUNK as u64) as u32)?;
                self.chunk.clear();
                self.folded = 0;
            }
        }
        Ok(())
    }

    /// What was added goes into the ordered tree while the cache has it.
    fn fold(&mut self) {
        let whole = (self.chunk.len() - self.folded) / FOLD * FOLD;
        self.ordered.add(&self.chunk[self.folded..][..whole]);
        self.folded += whole;
    }

    /// Sorts, builds the trie, and writes all but the header and the roots' text.
    pub fn finish(mut self, threads: usize, out: Option<&File>) -> io::Result<Roots> {
        self.spill.add(&self.chunk, (self.records - self.chunk.len() as u64) as u32)?;
        self.spill.close();
        let (ordered, nodes) = self.ordered.finish(&self.chunk[self.folded..]);
        self.chunk = Vec::new();
        let layout = Layout::new(self.records, nodes.len() as u64);
        if let Some(file) = out {
            file.write_all_at(nodes.as_flattened(), layout.nodes)?;
            file.write_all_at(bytes_of(&self.offsets), layout.offsets)?;
        }
        // Memory is short where many records are.
        drop(nodes);
        self.offsets = Vec::new();
        let buckets = Buckets::new(&self.spill, &layout, out);
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(|| buckets.work()))));
        let (branches, fence) = buckets.done()?;
        let (mut heap, set) = Trie::new(hashing::node(), hashing::set_leaf()).heap(branches);
        if let Some(file) = out {
            heap.truncate(1 << (layout.prefix_bits + 1));
            let mut at = layout.ranks;
            self.spill.ranks(|ranks| {
                at += 4 * ranks.len() as u64;
                file.write_all_at(bytes_of(ranks), at - 4 * ranks.len() as u64)
            })?;
            file.write_all_at(bytes_of(&fence), layout.fence)?;
            file.write_all_at(heap.as_flattened(), layout.trie)?;
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

/// The buckets, which threads take one after the other.
struct Buckets<'a> {
    spill: &'a Spill,
    layout: &'a Layout,
    out: Option<&'a File>,
    /// Bits of the branches: those of the layout, or a bucket's if they are more.
    deep: usize,
    /// How many records are before each bucket.
    starts: Vec<usize>,
    next: AtomicUsize,
    done: Mutex<Done>,
}

struct Done {
    branches: Vec<Branch>,
    /// How many records have each prefix, one place on.
    fence: Vec<u32>,
    failure: Option<io::Error>,
}

impl<'a> Buckets<'a> {
    fn new(spill: &'a Spill, layout: &'a Layout, out: Option<&'a File>) -> Self {
        let deep = layout.prefix_bits.max(BUCKET_BITS);
        let mut starts = vec![0];
        for bucket in 1..BUCKETS {
            starts.push(starts[bucket - 1] + spill.len(bucket - 1));
        }
        let done = Done { branches: vec![NOTHING; 1 << deep], fence: vec![0; (1 << layout.prefix_bits) + 1], failure: None };
        Buckets { spill, layout, out, deep, starts, next: AtomicUsize::new(0), done: Mutex::new(done) }
    }

    fn work(&self) {
        let mut worker = Worker::default();
        loop {
            let bucket = self.next.fetch_add(1, Relaxed);
            if bucket >= BUCKETS {
                return;
            }
            if let Err(error) = self.bucket(bucket, &mut worker) {
                lock(&self.done).failure = Some(error);
                return;
            }
        }
    }

    fn bucket(&self, bucket: usize, worker: &mut Worker) -> io::Result<()> {
        worker.sort(self.spill, bucket)?;
        if let Some(file) = self.out {
            worker.write(self, file, bucket)?;
        }
        let more = (worker.order.len().max(1).ilog2().saturating_sub(STRETCH_BITS) as usize).min(self.deep - BUCKET_BITS);
        let mut start = 0;
        for prefix in bucket << more..(bucket + 1) << more {
            worker.gather(start, prefix, BUCKET_BITS + more);
            self.stretch(worker, self.starts[bucket] + start, prefix, BUCKET_BITS + more)?;
            start += worker.hashes.len();
        }
        Ok(())
    }

    /// The records that begin with these bits, of which `start` are before.
    fn stretch(&self, Worker { hashes, trie, branches, .. }: &mut Worker, start: usize, prefix: usize, bits: usize) -> io::Result<()> {
        if let Some(file) = self.out {
            file.write_all_at(hashes.as_flattened(), HEADER + 32 * start as u64)?;
        }
        let width = 1 << (self.deep - bits);
        branches.clear();
        trie.branches(hashes, None, bits, self.deep, branches);
        let mut done = lock(&self.done);
        done.branches[prefix * width..][..width].copy_from_slice(branches);
        count_prefixes(hashes, self.layout.prefix_bits, &mut done.fence);
        Ok(())
    }

    fn done(self) -> io::Result<(Vec<Branch>, Vec<u32>)> {
        let Done { branches, mut fence, failure } = self.done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        for at in 1..fence.len() {
            fence[at] += fence[at - 1];
        }
        failure.map_or(Ok((branches, fence)), Err)
    }
}

/// Scratch of one thread, the bucket that it sorted, and a stretch of that.
struct Worker {
    came: Vec<Hash>,
    sorter: Sorter,
    order: Vec<u32>,
    hashes: Vec<Hash>,
    /// Of the records as they came.
    numbers: Vec<u32>,
    positions: Vec<u32>,
    trie: Trie,
    branches: Vec<Branch>,
}

impl Default for Worker {
    fn default() -> Self {
        let trie = Trie::new(hashing::node(), hashing::set_leaf());
        let (came, hashes, sorter) = (Vec::new(), Vec::new(), Sorter::default());
        Worker { came, sorter, order: Vec::new(), hashes, numbers: Vec::new(), positions: Vec::new(), trie, branches: Vec::new() }
    }
}

impl Worker {
    fn sort(&mut self, spill: &Spill, bucket: usize) -> io::Result<()> {
        let came = room(&mut self.came, spill.len(bucket));
        spill.hashes(bucket, came)?;
        self.sorter.sort(came, BUCKET_BITS, &mut self.order);
        Ok(())
    }

    /// Those from a place in the order on that begin with these bits.
    fn gather(&mut self, start: usize, prefix: usize, bits: usize) {
        let sorted = self.order[start..].iter().map(|&index| self.came[index as usize]);
        self.hashes.clear();
        self.hashes.extend(sorted.take_while(|hash| prefix_of(hash, 0, bits) == prefix));
    }

    fn write(&mut self, buckets: &Buckets, file: &File, bucket: usize) -> io::Result<()> {
        let start = buckets.starts[bucket];
        let numbers = room(&mut self.numbers, self.order.len());
        buckets.spill.positions(bucket, numbers)?;
        self.positions.clear();
        self.positions.extend(self.order.iter().map(|&index| numbers[index as usize]));
        file.write_all_at(bytes_of(&self.positions), buckets.layout.positions + 4 * start as u64)?;
        for (&index, place) in self.order.iter().zip(start as u32..) {
            numbers[index as usize] = place;
        }
        buckets.spill.set_places(bucket, numbers)
    }
}

fn count_prefixes(hashes: &[Hash], bits: usize, fence: &mut [u32]) {
    for hash in hashes {
        let prefix = (u32::from(hash[0]) << 8 | u32::from(hash[1])) >> (MAX_PREFIX_BITS - bits);
        fence[prefix as usize + 1] += 1;
    }
}

pub fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
