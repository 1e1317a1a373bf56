//! Regular files opened once without following a link, and the proof that they did not change while they were read.

use crate::job::{Failure, Job, Stamp};
use std::ffi::CStr;
use std::fs::File;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// Fits the second-level cache beside the hasher's state.
pub const BUFFER_BYTES: usize = 256 << 10;
const PAGE_BYTES: usize = 4096;
const TYPE_MASK: u32 = libc::S_IFMT as _;
const REGULAR: u32 = libc::S_IFREG as _;

/// What files are read into: at a page's start, so that no block of it lies on two cache lines. Pages that nobody reads
/// into take no memory.
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    pub fn new() -> Self {
        let bytes = vec![0; BUFFER_BYTES + PAGE_BYTES];
        let start = bytes.as_ptr().align_offset(PAGE_BYTES);
        Self { bytes, start }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..][..BUFFER_BYTES]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..][..BUFFER_BYTES]
    }
}

pub struct OpenFile {
    file: File,
    /// Where the job's bytes begin.
    start: u64,
    stamp: Stamp,
}

impl OpenFile {
    /// Opens without blocking on a pipe. All openings of one job must find the same file.
    pub fn open(job: &Job) -> Result<Self, Failure> {
        let follow = if job.follow { 0 } else { libc::O_NOFOLLOW };
        let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | follow;
        // SAFETY: the path is NUL-terminated; the descriptor is owned from here on.
        let fd = unsafe { libc::open(job.path.as_ptr(), flags) };
        if fd < 0 {
            return Err(last_error());
        }
        let file = unsafe { File::from_raw_fd(fd) };
        let (stamp, mode) = stat(&file)?;
        if mode & TYPE_MASK != REGULAR {
            return Err(Failure::Special);
        }
        if stamp.size != job.whole || *job.stamp.get_or_init(|| stamp) != stamp {
            return Err(Failure::Changed);
        }
        Ok(Self { file, start: job.start, stamp })
    }

    /// Whatever regular file this is, whole.
    pub fn any(folder: Option<&OwnedFd>, path: &CStr, follow: bool) -> Result<Self, Failure> {
        let follow = if follow { 0 } else { libc::O_NOFOLLOW };
        let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | follow;
        // SAFETY: the path is NUL-terminated; the descriptor is owned from here on.
        let fd = unsafe { libc::openat(folder.map_or(libc::AT_FDCWD, AsRawFd::as_raw_fd), path.as_ptr(), flags) };
        if fd < 0 {
            return Err(last_error());
        }
        let file = unsafe { File::from_raw_fd(fd) };
        let (stamp, mode) = stat(&file)?;
        if mode & TYPE_MASK != REGULAR { Err(Failure::Special) } else { Ok(Self { file, start: 0, stamp }) }
    }

    pub fn size(&self) -> u64 {
        self.stamp.size
    }

    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// `offset` counts from the job's first byte.
    pub fn read_exact_at(&self, target: &mut [u8], offset: u64) -> Result<(), Failure> {
        let mut done = 0;
        while done < target.len() {
            match self.file.read_at(&mut target[done..], self.start + offset + done as u64) {
                Ok(0) => return Err(Failure::Changed),
                Ok(count) => done += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Fails if the file is not as it was when opened.
    pub fn close(self) -> Result<(), Failure> {
        let (now, _) = stat(&self.file)?;
        if now == self.stamp { Ok(()) } else { Err(Failure::Changed) }
    }
}

fn stat(file: &File) -> Result<(Stamp, u32), Failure> {
    // SAFETY: fstat fills the buffer or fails.
    ask(|stats| unsafe { libc::fstat(file.as_raw_fd(), stats) })
}

/// Stamp and mode of what stands at the path itself, be it a link.
pub fn lstat(path: &CStr) -> Result<(Stamp, u32), Failure> {
    // SAFETY: lstat fills the buffer or fails.
    ask(|stats| unsafe { libc::lstat(path.as_ptr(), stats) })
}

/// `as _`: which types the fields have differs by system.
fn ask(fill: impl FnOnce(*mut libc::stat) -> libc::c_int) -> Result<(Stamp, u32), Failure> {
    let mut raw = MaybeUninit::<libc::stat>::zeroed();
    if fill(raw.as_mut_ptr()) != 0 {
        return Err(last_error());
    }
    // SAFETY: filled; and all zeroes are a value too.
    let stats = unsafe { raw.assume_init() };
    let stamp = Stamp {
        dev: stats.st_dev as _,
        ino: stats.st_ino as _,
        size: stats.st_size as _,
        mtime_ns: i128::from(stats.st_mtime) * 1_000_000_000 + i128::from(stats.st_mtime_nsec),
        ctime_ns: i128::from(stats.st_ctime) * 1_000_000_000 + i128::from(stats.st_ctime_nsec),
    };
    Ok((stamp, stats.st_mode as _))
}

fn last_error() -> Failure {
    std::io::Error::last_os_error().into()
}
