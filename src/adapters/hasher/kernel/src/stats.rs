//! What lstat says of many files, asked by all cores: JavaScript pays for each more than the system does.

use crate::file::lstat;
use crate::job::Failure;
use std::ffi::CStr;

/// For each path: errno, mode, size, device, inode, then when it was modified and changed, in ns.
const ANSWER_BYTES: usize = 48;
/// A thread for fewer costs more than it gains.
const LEAST_FILES: usize = 256;

/// The answers to NUL-terminated paths; null where the last has no NUL.
pub fn of(paths: &[u8]) -> Option<Vec<u8>> {
    let paths: Vec<&CStr> = paths.split_inclusive(|byte| *byte == 0).map(CStr::from_bytes_with_nul).collect::<Result<_, _>>().ok()?;
    let mut answers = vec![0; paths.len() * ANSWER_BYTES];
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let share = paths.len().div_ceil(cores).max(LEAST_FILES);
    std::thread::scope(|scope| {
        for (paths, answers) in paths.chunks(share).zip(answers.chunks_mut(share * ANSWER_BYTES)) {
            scope.spawn(|| paths.iter().zip(answers.as_chunks_mut().0).for_each(|(path, answer)| *answer = ask(path)));
        }
    });
    Some(answers)
}

fn ask(path: &CStr) -> [u8; ANSWER_BYTES] {
    let (errno, mode, numbers) = match lstat(path) {
        Ok((stamp, mode)) => (0, mode, [stamp.size, stamp.dev, stamp.ino, stamp.mtime_ns as u64, stamp.ctime_ns as u64]),
        Err(Failure::System(errno)) => (errno as u32, 0, [0; 5]),
        Err(_) => (u32::MAX, 0, [0; 5]),
    };
    let mut answer = [0; ANSWER_BYTES];
    answer[..4].copy_from_slice(&errno.to_le_bytes());
    answer[4..8].copy_from_slice(&mode.to_le_bytes());
    for (target, number) in answer[8..].chunks_exact_mut(8).zip(numbers) {
        target.copy_from_slice(&number.to_le_bytes());
    }
    answer
}
