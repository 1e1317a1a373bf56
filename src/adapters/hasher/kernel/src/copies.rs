//! Many small files, each written to a new file of its own and hashed from the bytes that are written, by all cores: what a call
//! costs JavaScript is more than the file. `files/copy-batch.ts` asks, and has the rules.

use crate::control::Control;
use crate::file::OpenFile;
use crate::job::Failure;
use sha2::{Digest, Sha256};
use std::ffi::{CStr, OsStr};
use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What came of each, its error number and its SHA-256.
const ANSWER_BYTES: usize = 40;
/// Files taken at a time.
const RUN_FILES: usize = 64;

/// The numbers are those of `files/copy-batch.ts`. Nothing is left of what is not copied.
enum Refusal {
    OtherSize,
    Special,
    From(i32),
    To(i32),
}

struct Copy<'a> {
    from: &'a CStr,
    to: &'a CStr,
    size: u64,
}

/// The answers; after a refusal those to files that nobody began are 0. Null for what is no request: mode, threads, how many; each
/// size in eight bytes; from and to of each, with a NUL.
pub fn of(request: &[u8], control: &Control) -> Option<Vec<u8>> {
    let (numbers, rest) = request.split_at_checked(12)?;
    let [mode, threads, count] = [0, 1, 2].map(|at| u32::from_le_bytes(numbers.as_chunks().0[at]));
    let (sizes, paths) = rest.split_at_checked(8 * count as usize)?;
    let paths: Vec<&CStr> = paths.split_inclusive(|byte| *byte == 0).map(CStr::from_bytes_with_nul).collect::<Result<_, _>>().ok()?;
    if paths.len() != 2 * sizes.len() / 8 {
        return None;
    }
    let pairs = paths.as_chunks::<2>().0.iter().zip(sizes.as_chunks().0);
    let copies: Vec<Copy> = pairs.map(|(&[from, to], size)| Copy { from, to, size: u64::from_le_bytes(*size) }).collect();
    Some(all(&copies, mode, threads as usize, control))
}

fn all(copies: &[Copy], mode: u32, threads: usize, control: &Control) -> Vec<u8> {
    let mut answers = vec![0; copies.len() * ANSWER_BYTES];
    let runs: Vec<_> = copies.chunks(RUN_FILES).zip(answers.chunks_mut(RUN_FILES * ANSWER_BYTES)).map(Mutex::new).collect();
    let next = AtomicUsize::new(0);
    let take_all = || {
        let mut buffer = Vec::new();
        while let Some(run) = runs.get(next.fetch_add(1, Relaxed)) {
            let (copies, answers) = &mut *run.lock().unwrap();
            for (copy, answer) in copies.iter().zip(answers.as_chunks_mut::<ANSWER_BYTES>().0) {
                let result = if control.advance(copy.size as usize).is_ok() { copy.make(mode, &mut buffer) } else { return };
                put(answer, &result);
                if result.is_err() {
                    return next.store(runs.len(), Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(runs.len()) {
            scope.spawn(take_all);
        }
        take_all();
    });
    drop(runs);
    answers
}

fn put(answer: &mut [u8; ANSWER_BYTES], result: &Result<[u8; 32], Refusal>) {
    let (what, errno) = match result {
        Ok(_) => (1, 0),
        Err(Refusal::OtherSize) => (2, 0),
        Err(Refusal::Special) => (3, 0),
        Err(Refusal::From(errno)) => (4, *errno),
        Err(Refusal::To(errno)) => (5, *errno),
    };
    answer[..4].copy_from_slice(&u32::to_le_bytes(what));
    answer[4..8].copy_from_slice(&i32::to_le_bytes(errno));
    answer[8..].copy_from_slice(result.as_ref().unwrap_or(&[0; 32]));
}

impl Copy<'_> {
    fn make(&self, mode: u32, buffer: &mut Vec<u8>) -> Result<[u8; 32], Refusal> {
        self.read(buffer)?;
        let to = Path::new(OsStr::from_bytes(self.to.to_bytes()));
        let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(to).map_err(written)?;
        fill(made, mode, buffer).map_err(|error| {
            let _ = std::fs::remove_file(to);
            written(error)
        })?;
        Ok(Sha256::digest(&*buffer).into())
    }

    /// All of it: what is longer is of another size too. A link leads where it leads, a FIFO is never waited for.
    fn read(&self, buffer: &mut Vec<u8>) -> Result<(), Refusal> {
        let file = OpenFile::any(None, self.from, true)?;
        if file.size() != self.size {
            return Err(Refusal::OtherSize);
        }
        buffer.resize(self.size as usize, 0);
        Ok(file.read_exact_at(buffer, 0)?)
    }
}

/// The mode as it is said, whatever the umask.
fn fill(mut file: File, mode: u32, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(mode))
}

fn written(error: std::io::Error) -> Refusal {
    Refusal::To(error.raw_os_error().unwrap_or(libc::EIO))
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::System(errno) => Self::From(errno),
            Failure::Special => Self::Special,
            Failure::Changed | Failure::Interrupted => Self::OtherSize,
        }
    }
}

/// Gives each its other name, by pairs of NUL-terminated paths after a mode that it gets first (0: it keeps its own), and stops at the
/// first that it cannot. How many are done, and that one's `errno`; null for what is no request.
pub fn rename(request: &[u8]) -> Option<[u8; 8]> {
    let (mode, paths) = request.split_first_chunk()?;
    let mode = u32::from_le_bytes(*mode);
    let paths: Vec<&CStr> = paths.split_inclusive(|byte| *byte == 0).map(CStr::from_bytes_with_nul).collect::<Result<_, _>>().ok()?;
    let (pairs, []) = paths.as_chunks() else { return None };
    let (mut done, mut errno) = (0u32, 0);
    for &[from, to] in pairs {
        if let Err(error) = rename_one(mode, from, to) {
            errno = error.raw_os_error().unwrap_or(libc::EIO);
            break;
        }
        done += 1;
    }
    let mut answer = [0; 8];
    answer[..4].copy_from_slice(&done.to_le_bytes());
    answer[4..].copy_from_slice(&errno.to_le_bytes());
    Some(answer)
}

fn rename_one(mode: u32, from: &CStr, to: &CStr) -> std::io::Result<()> {
    // SAFETY: both paths are NUL-terminated.
    let failed = unsafe { (mode != 0 && libc::chmod(from.as_ptr(), mode as libc::mode_t) != 0) || libc::rename(from.as_ptr(), to.as_ptr()) != 0 };
    if failed { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
