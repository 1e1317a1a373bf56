//! The request as `native.ts` writes it (little-endian), and the response it reads.

use crate::job::{Failure, Job, Output, Sink, Stamp};
use crate::tree::GROUP_BYTES;
use std::ffi::{CStr, CString};
use std::ops::Range;
use std::sync::OnceLock;

pub struct Request {
    pub blake3: bool,
    pub sha256: bool,
    /// One failed job does not stop the others.
    pub keep_going: bool,
    pub threads: usize,
    /// Length of the aligned subtrees that huge files are cut into; a power of two.
    pub segment_bytes: u64,
    pub jobs: Vec<Job>,
}

const BLAKE3: u32 = 1;
const SHA256: u32 = 2;
const KEEP_GOING: u32 = 4;
const FOLLOW: u32 = 1;
const OUTBOARD: u32 = 2;
const STAMPED: u32 = 4;
const OUTBOARD_FILE: u32 = 8;
const SUBTREE: u32 = 16;
const CONTENT: u32 = 32;

const HEAD_BYTES: usize = 24;
const JOB_BYTES: usize = 64;
const STRETCH_BYTES: usize = 16;

/// Null for bytes that `native.ts` would not write.
pub fn parse(bytes: &[u8]) -> Option<Request> {
    let (mut head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (wanted, threads, segment_bytes, count) = (head.u32()?, head.u32()? as usize, head.u64()?, head.u32()? as usize);
    let (numbers, rest) = rest.split_at_checked(count.checked_mul(JOB_BYTES)?)?;
    let (mut stretches, mut paths) = rest.split_at_checked((head.u32()? as usize).checked_mul(STRETCH_BYTES)?)?;
    let jobs = numbers.chunks_exact(JOB_BYTES).map(|numbers| job(numbers, &mut stretches, &mut paths)).collect::<Option<Vec<_>>>()?;
    let least = if jobs.iter().any(|job| job.content || !matches!(job.sink, Sink::None)) { GROUP_BYTES as u64 } else { 1024 };
    let valid = stretches.is_empty() && paths.is_empty() && threads > 0 && segment_bytes.is_power_of_two() && segment_bytes >= least;
    valid.then_some(Request { blake3: wanted & BLAKE3 != 0, sha256: wanted & SHA256 != 0, keep_going: wanted & KEEP_GOING != 0, threads, segment_bytes, jobs })
}

fn job(mut numbers: &[u8], stretches: &mut &[u8], paths: &mut &[u8]) -> Option<Job> {
    let (flags, parts) = (numbers.u32()?, numbers.u32()?);
    let size = f64::from_bits(numbers.u64()?);
    if size < 0.0 || size.fract() != 0.0 {
        return None;
    }
    let size = size as u64;
    let (start, whole) = (f64::from_bits(numbers.u64()?), f64::from_bits(numbers.u64()?));
    if start < 0.0 || start.fract() != 0.0 || whole.fract() != 0.0 || start + size as f64 > whole {
        return None;
    }
    let (start, whole) = (start as u64, whole as u64);
    let stamp = OnceLock::new();
    if flags & STAMPED != 0 {
        let (dev, ino, mtime, ctime) = (numbers.u64()?, numbers.u64()?, numbers.u64()?, numbers.u64()?);
        let _ = stamp.set(Stamp { dev, ino, size: whole, mtime_ns: i128::from(mtime as i64), ctime_ns: i128::from(ctime as i64) });
    }
    let content = flags & CONTENT != 0;
    if content && size > GROUP_BYTES as u64 {
        return None;
    }
    let stretches = stretches_of(size, parts, stretches)?;
    let path = paths.path()?;
    let sink = match flags & (OUTBOARD | OUTBOARD_FILE) {
        0 => Sink::None,
        OUTBOARD => Sink::Memory,
        _ => Sink::File(paths.path()?),
    };
    Some(Job { path, size, start, whole, follow: flags & FOLLOW != 0, subtree: flags & SUBTREE != 0, sink, content, stretches, stamp })
}

/// Null if they are not in order, apart and within the job.
fn stretches_of(size: u64, count: u32, numbers: &mut &[u8]) -> Option<Vec<Range<u64>>> {
    let mut found = Vec::<Range<u64>>::new();
    for _ in 0..count {
        let (start, end) = (numbers.u64()?, numbers.u64()?);
        if start >= end || end > size || found.last().is_some_and(|before| before.end > start) {
            return None;
        }
        found.push(start..end);
    }
    Some(found)
}

/// The number of failures, each with its job, reason and errno; then per job the digests asked for; then the outboards of
/// the jobs that did not fail, one after the other; then their contents and their stretches' digests in the same way.
pub fn respond(request: &Request, outputs: &[Output], failures: &[(usize, Failure)]) -> Vec<u8> {
    let mut bytes = (failures.len() as u32).to_le_bytes().to_vec();
    failures.iter().for_each(|(job, failure)| put_failure(&mut bytes, *job, *failure));
    for output in outputs {
        if request.blake3 {
            bytes.extend_from_slice(&output.blake3);
        }
        if request.sha256 {
            bytes.extend_from_slice(&output.sha256);
        }
    }
    outputs.iter().for_each(|output| bytes.extend_from_slice(&output.outboard));
    outputs.iter().for_each(|output| bytes.extend_from_slice(&output.content));
    outputs.iter().for_each(|output| bytes.extend_from_slice(output.stretches.as_flattened()));
    bytes
}

fn put_failure(bytes: &mut Vec<u8>, job: usize, failure: Failure) {
    let (reason, errno) = match failure {
        Failure::Changed => (1, 0),
        Failure::Special => (2, 0),
        Failure::Interrupted => (3, 0),
        Failure::System(errno) => (4, errno),
    };
    bytes.extend_from_slice(&(job as u32).to_le_bytes());
    bytes.push(reason);
    bytes.extend_from_slice(&errno.to_le_bytes());
}

/// Takes from the front; null where too little is left.
trait Take {
    fn u32(&mut self) -> Option<u32>;
    fn u64(&mut self) -> Option<u64>;
    fn path(&mut self) -> Option<CString>;
}

impl Take for &[u8] {
    fn u32(&mut self) -> Option<u32> {
        let (head, rest) = self.split_first_chunk()?;
        *self = rest;
        Some(u32::from_le_bytes(*head))
    }

    fn u64(&mut self) -> Option<u64> {
        let (head, rest) = self.split_first_chunk()?;
        *self = rest;
        Some(u64::from_le_bytes(*head))
    }

    fn path(&mut self) -> Option<CString> {
        let path = CStr::from_bytes_until_nul(self).ok()?;
        *self = &self[path.count_bytes() + 1..];
        Some(path.to_owned())
    }
}
