//! Many large files, both digests: each thread reads two of them by turns, so that their SHA-256 can be interleaved.

use crate::blake3_file::InOrder;
use crate::control::Control;
use crate::file::{BUFFER_BYTES, Buffer, OpenFile};
use crate::job::{Failure, Job, Output};
use crate::request::Request;
use crate::sha256_lanes::{Lane, update_both};
use crate::stretches::Stretches;

/// A file being read from its start. Pieces are whole buffers but for the last.
struct Reading<'a> {
    index: usize,
    job: &'a Job,
    file: OpenFile,
    sha256: Lane,
    blake3: Option<InOrder>,
    stretches: Stretches<'a>,
    buffer: Buffer,
    offset: u64,
    length: usize,
}

/// Takes files until there is none left; `done` gets each one's output or failure.
pub fn hash(request: &Request, control: &Control, take: impl Fn() -> Option<usize>, done: impl Fn(usize, Result<Output, Failure>)) {
    let begin = |spare: Option<Buffer>| {
        let mut buffer = spare.unwrap_or_else(Buffer::new);
        while let Some(index) = take() {
            match Reading::begin(request, index, buffer) {
                Ok(reading) => return Some(reading),
                Err((failure, spare)) => {
                    done(index, Err(failure));
                    buffer = spare;
                }
            }
        }
        None
    };
    let (mut first, mut second) = (begin(None), begin(None));
    while first.is_some() || second.is_some() {
        for slot in [&mut first, &mut second] {
            while let Some(reading) = slot.as_mut() {
                match reading.fill(control) {
                    Ok(true) => break,
                    Ok(false) => {
                        let (index, buffer, result) = slot.take().expect("just seen").finish();
                        done(index, result);
                        *slot = begin(Some(buffer));
                    }
                    Err(failure) => {
                        let Reading { index, buffer, .. } = slot.take().expect("just seen");
                        done(index, Err(failure));
                        *slot = begin(Some(buffer));
                    }
                }
            }
        }
        match (&mut first, &mut second) {
            (Some(a), Some(b)) => update_both(&mut a.sha256, &mut b.sha256, blocks(&a.buffer, a.length), blocks(&b.buffer, b.length)),
            (Some(one), None) | (None, Some(one)) => one.sha256.update(blocks(&one.buffer, one.length)),
            (None, None) => {}
        }
    }
}

fn blocks(buffer: &[u8], length: usize) -> &[u8] {
    &buffer[..length / 64 * 64]
}

impl<'a> Reading<'a> {
    fn begin(request: &'a Request, index: usize, buffer: Buffer) -> Result<Self, (Failure, Buffer)> {
        let job = &request.jobs[index];
        let opened = OpenFile::open(job).and_then(|file| {
            let blake3 = if request.blake3 { Some(InOrder::new(job, request.segment_bytes)?) } else { None };
            Ok((file, blake3))
        });
        match opened {
            Ok((file, blake3)) => {
                let stretches = Stretches::of(job, request.segment_bytes);
                Ok(Self { index, job, file, sha256: Lane::new(), blake3, stretches, buffer, offset: 0, length: 0 })
            }
            Err(failure) => Err((failure, buffer)),
        }
    }

    /// The next piece, with its BLAKE3; false at the end. What is no whole block stays in the buffer for `finish`.
    fn fill(&mut self, control: &Control) -> Result<bool, Failure> {
        if self.offset == self.job.size {
            return Ok(false);
        }
        self.length = (self.job.size - self.offset).min(BUFFER_BYTES as u64) as usize;
        self.file.read_exact_at(&mut self.buffer[..self.length], self.offset)?;
        self.stretches.update(self.offset, &self.buffer[..self.length])?;
        if let Some(blake3) = &mut self.blake3 {
            blake3.update(self.offset, &self.buffer[..self.length])?;
        }
        self.offset += self.length as u64;
        control.advance(self.length)?;
        Ok(true)
    }

    fn finish(self) -> (usize, Buffer, Result<Output, Failure>) {
        let sha256 = self.sha256.finish(&self.buffer[self.length / 64 * 64..self.length]);
        let mut output = Output { sha256, stretches: self.stretches.finish(), ..Output::default() };
        let blake3 = self.blake3.map_or(Ok(()), |blake3| blake3.finish(&mut output));
        let result = self.file.close().and(blake3).map(|()| output);
        (self.index, self.buffer, result)
    }
}
