//! Hashes on their way into buckets by their first bits. A chunk of them is shared out at a time, so that a bucket is one
//! piece in each chunk. Memory does not grow with the records.

use crate::lanes::Hash;
use crate::sort::room;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

pub const BUCKET_BITS: usize = 10;
pub const BUCKETS: usize = 1 << BUCKET_BITS;
/// Records of a chunk: 8 MiB of hashes, so that a bucket's piece is two pages.
pub const CHUNK: usize = 1 << 18;
/// Of a record in the file: its hash, its position, and later its place among the sorted ones. Each kind is apart.
const RECORD: u64 = 32 + 4 + 4;

pub struct Spill {
    file: File,
    /// Where each bucket begins in a chunk, and where the last one ends; chunk after chunk.
    starts: Vec<u32>,
    shared_out: Vec<Hash>,
    positions: Vec<u32>,
    keeps: bool,
}

impl Spill {
    /// `file` is nobody else's. Positions are there if it `keeps` them.
    pub fn new(file: File, keeps: bool) -> Self {
        Spill { file, starts: Vec::new(), shared_out: Vec::new(), positions: Vec::new(), keeps }
    }

    /// A full chunk, or the last one, whose first record has this position.
    pub fn add(&mut self, chunk: &[Hash], first: u32) -> io::Result<()> {
        let mut next = [0u32; BUCKETS + 1];
        chunk.iter().for_each(|hash| next[bucket_of(hash) + 1] += 1);
        for at in 1..next.len() {
            next[at] += next[at - 1];
        }
        let base = base_of(self.starts.len() / next.len());
        self.starts.extend_from_slice(&next);
        let shared_out = room(&mut self.shared_out, chunk.len());
        let positions = room(&mut self.positions, if self.keeps { chunk.len() } else { 0 });
        for (hash, position) in chunk.iter().zip(first..) {
            let place = &mut next[bucket_of(hash)];
            shared_out[*place as usize] = *hash;
            if self.keeps {
                positions[*place as usize] = position;
            }
            *place += 1;
        }
        write_in_pieces(&self.file, shared_out.as_flattened(), base)?;
        write_in_pieces(&self.file, bytes_of(positions), base + POSITIONS)
    }

    /// No more will come: what only adding needs is given back.
    pub fn close(&mut self) {
        (self.shared_out, self.positions) = (Vec::new(), Vec::new());
    }

    fn chunks(&self) -> usize {
        self.starts.len() / (BUCKETS + 1)
    }

    /// Which records of each chunk are in a bucket, and where its chunk begins in the file.
    fn pieces(&self, bucket: usize) -> impl Iterator<Item = (u64, u64, usize)> {
        self.starts.chunks_exact(BUCKETS + 1).enumerate().map(move |(chunk, starts)| {
            let (start, end) = (starts[bucket], starts[bucket + 1]);
            (base_of(chunk), u64::from(start), (end - start) as usize)
        })
    }

    pub fn len(&self, bucket: usize) -> usize {
        self.pieces(bucket).map(|(_, _, count)| count).sum()
    }

    /// Of a bucket's records in the order they came.
    pub fn hashes(&self, bucket: usize, into: &mut [Hash]) -> io::Result<()> {
        self.each(bucket, into, |base, first, some| self.file.read_exact_at(some.as_flattened_mut(), base + 32 * first))
    }

    pub fn positions(&self, bucket: usize, into: &mut [u32]) -> io::Result<()> {
        self.each(bucket, into, |base, first, some| self.file.read_exact_at(bytes_of_mut(some), base + POSITIONS + 4 * first))
    }

    /// Notes the place of each among all that are sorted.
    pub fn set_places(&self, bucket: usize, places: &mut [u32]) -> io::Result<()> {
        self.each(bucket, places, |base, first, some| self.file.write_all_at(bytes_of(some), base + PLACES + 4 * first))
    }

    fn each<T>(&self, bucket: usize, mut rest: &mut [T], act: impl Fn(u64, u64, &mut [T]) -> io::Result<()>) -> io::Result<()> {
        for (base, first, count) in self.pieces(bucket) {
            let (some, others) = rest.split_at_mut(count);
            act(base, first, some)?;
            rest = others;
        }
        Ok(())
    }

    /// The place of each record in the order of their positions, once all are set: chunk after chunk.
    pub fn ranks(&self, mut take: impl FnMut(&[u32]) -> io::Result<()>) -> io::Result<()> {
        let (mut positions, mut places, mut ranks): (Vec<u32>, Vec<u32>, Vec<u32>) = Default::default();
        for chunk in 0..self.chunks() {
            let count = self.starts[(chunk + 1) * (BUCKETS + 1) - 1] as usize;
            let (positions, places) = (room(&mut positions, count), room(&mut places, count));
            self.file.read_exact_at(bytes_of_mut(positions), base_of(chunk) + POSITIONS)?;
            self.file.read_exact_at(bytes_of_mut(places), base_of(chunk) + PLACES)?;
            let ranks = room(&mut ranks, count);
            for (&position, &place) in positions.iter().zip(&*places) {
                ranks[position as usize % CHUNK] = place;
            }
            take(ranks)?;
        }
        Ok(())
    }
}

const POSITIONS: u64 = 32 * CHUNK as u64;
const PLACES: u64 = POSITIONS + 4 * CHUNK as u64;

/// Few pages at a time: the kernel takes those that were just given back, and fresh ones for large writes.
fn write_in_pieces(file: &File, bytes: &[u8], base: u64) -> io::Result<()> {
    const PIECE: usize = 16 << 10;
    bytes.chunks(PIECE).zip((base..).step_by(PIECE)).try_for_each(|(piece, at)| file.write_all_at(piece, at))
}

fn base_of(chunk: usize) -> u64 {
    RECORD * (chunk * CHUNK) as u64
}

#[inline]
fn bucket_of(hash: &Hash) -> usize {
    usize::from(u16::from_be_bytes([hash[0], hash[1]]) >> (16 - BUCKET_BITS))
}

/// Plain data as bytes; the machines this is built for are little-endian, as the index is.
pub fn bytes_of<T: Plain>(of: &[T]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little")) };
    // SAFETY: no padding.
    unsafe { std::slice::from_raw_parts(of.as_ptr().cast(), size_of_val(of)) }
}

fn bytes_of_mut<T: Plain>(of: &mut [T]) -> &mut [u8] {
    // SAFETY: as above, and every bit pattern is a value.
    unsafe { std::slice::from_raw_parts_mut(of.as_mut_ptr().cast(), size_of_val(of)) }
}

pub trait Plain: Copy {}
impl Plain for u32 {}
impl Plain for u64 {}
