//! One file to hash, and what comes of it.

use std::ffi::CString;
use std::ops::Range;
use std::sync::OnceLock;

pub struct Job {
    pub path: CString,
    /// Bytes to hash.
    pub size: u64,
    /// Where they begin in a file of `whole` bytes.
    pub start: u64,
    pub whole: u64,
    pub follow: bool,
    /// Its BLAKE3 is the chaining value of the subtree that begins at `start`.
    pub subtree: bool,
    pub sink: Sink,
    /// Its bytes are wanted, too.
    pub content: bool,
    /// Parts whose own BLAKE3 is wanted, too: in order, apart from each other, none empty; from the job's first byte on.
    pub stretches: Vec<Range<u64>>,
    /// What the file must be; set by the caller or by whoever opens it first.
    pub stamp: OnceLock<Stamp>,
}

/// Where an outboard goes.
pub enum Sink {
    None,
    /// Into the response.
    Memory,
    /// Into a file that is not there yet.
    File(CString),
}

/// What stat says of a file; equal before and after, or the file changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub dev: u64,
    pub ino: u64,
    pub size: u64,
    pub mtime_ns: i128,
    pub ctime_ns: i128,
}

#[derive(Clone, Default)]
pub struct Output {
    pub blake3: [u8; 32],
    pub sha256: [u8; 32],
    pub outboard: Vec<u8>,
    pub content: Vec<u8>,
    pub stretches: Vec<[u8; 32]>,
}

/// Why a job failed; the numbers are those of `native.ts`.
#[derive(Clone, Copy)]
pub enum Failure {
    Changed,
    Special,
    Interrupted,
    System(i32),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::System(error.raw_os_error().unwrap_or(0))
    }
}
