//! One file, two threads: this one reads and does BLAKE3, then hands the buffer to the other for SHA-256. Every byte is
//! read once, and the file costs what SHA-256 alone would cost.

use crate::control::Control;
use crate::file::{BUFFER_BYTES, Buffer, OpenFile};
use crate::job::{Failure, Job};
use sha2::{Digest, Sha256};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Together they fit the last-level cache.
const BUFFERS: usize = 8;

struct Filled {
    buffer: Buffer,
    length: usize,
}

/// SHA-256 of the file; `each` gets the same bytes on this thread, in order.
pub fn hash(job: &Job, control: &Control, each: impl FnMut(u64, &[u8]) -> Result<(), Failure>) -> Result<[u8; 32], Failure> {
    let file = OpenFile::open(job)?;
    let (filled, to_hash) = channel();
    let (emptied, to_fill) = channel();
    (0..BUFFERS).for_each(|_| drop(emptied.send(Buffer::new())));
    let digest = std::thread::scope(|scope| {
        let digest = scope.spawn(|| sha256(to_hash, emptied));
        feed(&file, job, control, (filled, to_fill), each)?;
        Ok::<_, Failure>(digest.join().expect("SHA-256 does not panic"))
    })?;
    file.close()?;
    Ok(digest)
}

fn sha256(filled: Receiver<Filled>, emptied: Sender<Buffer>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for Filled { buffer, length } in filled {
        hash.update(&buffer[..length]);
        let _ = emptied.send(buffer);
    }
    hash.finalize().into()
}

fn feed(
    file: &OpenFile,
    job: &Job,
    control: &Control,
    (filled, to_fill): (Sender<Filled>, Receiver<Buffer>),
    mut each: impl FnMut(u64, &[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut offset = 0;
    while offset < job.size {
        let mut buffer = to_fill.recv().map_err(|_| Failure::Interrupted)?;
        let length = (job.size - offset).min(BUFFER_BYTES as u64) as usize;
        file.read_exact_at(&mut buffer[..length], offset)?;
        each(offset, &buffer[..length])?;
        control.advance(length)?;
        filled.send(Filled { buffer, length }).map_err(|_| Failure::Interrupted)?;
        offset += length as u64;
    }
    Ok(())
}
