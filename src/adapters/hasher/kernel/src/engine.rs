//! Hashes a list of files on all cores: one shared counter over units of work, positioned reads into one reused buffer a
//! thread. A huge file is cut into aligned segments; small files are taken in runs.

use crate::blake3_file::{InOrder, Segments};
use crate::control::Control;
use crate::file::{Buffer, OpenFile};
use crate::job::{Failure, Job, Output, Sink};
use crate::paired;
use crate::request::Request;
use crate::sha256_lanes;
use crate::stretches::Stretches;
use crate::tree::GROUP_BYTES;
use crate::two_files;
use blake3::hazmat::HasherExt;
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::sync::atomic::{
    AtomicUsize,
    Ordering::{AcqRel, Relaxed},
};
use std::sync::{Mutex, OnceLock};

const RUN_BYTES: u64 = 1 << 20;
const RUN_FILES: usize = 64;
/// From here on two files at a time pay.
const LARGE_BYTES: u64 = 1 << 20;

enum Unit {
    /// Files `from..to`, each whole.
    Run { from: usize, to: usize },
    /// Part of a file's BLAKE3.
    Segment { job: usize, start: u64, cut: usize },
    /// A file whose SHA-256 has a thread of its own.
    Paired { job: usize },
    /// Large files, two at a time; one unit a thread.
    TwoByTwo,
}

/// A file that is hashed in segments; made by who begins it, finished by who ends it.
struct Cut {
    segments: OnceLock<Result<Segments, Failure>>,
    missing: AtomicUsize,
}

struct Work<'a> {
    request: &'a Request,
    control: &'a Control,
    units: Vec<Unit>,
    cuts: Vec<Cut>,
    /// Files for `TwoByTwo`, the largest first.
    large: Vec<usize>,
    next: AtomicUsize,
    next_large: AtomicUsize,
    outputs: Vec<Mutex<Output>>,
    failures: Mutex<Vec<(usize, Failure)>>,
}

/// What came of every job, and the jobs that failed; several segments of one job may fail.
pub fn run(request: &Request, control: &Control) -> (Vec<Output>, Vec<(usize, Failure)>) {
    let Plan { units, cuts, large } = plan(request);
    let threads = request.threads.min(units.len()).max(1);
    let outputs = request.jobs.iter().map(|_| Mutex::default()).collect();
    let work = Work { request, control, units, cuts, large, next: AtomicUsize::new(0), next_large: AtomicUsize::new(0), outputs, failures: Mutex::default() };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| work.take_all());
        }
        work.take_all();
    });
    let failures = work.failures.into_inner().unwrap();
    let mut outputs: Vec<Output> = work.outputs.into_iter().map(|output| output.into_inner().unwrap()).collect();
    failures.iter().for_each(|(job, _)| outputs[*job] = Output::default());
    (outputs, failures)
}

struct Plan {
    units: Vec<Unit>,
    cuts: Vec<Cut>,
    large: Vec<usize>,
}

fn plan(request: &Request) -> Plan {
    let jobs = &request.jobs;
    let mut plan = Plan { units: Vec::new(), cuts: Vec::new(), large: large_files(request) };
    if !plan.large.is_empty() {
        plan.units.extend((0..request.threads).map(|_| Unit::TwoByTwo));
    }
    let total: u64 = jobs.iter().map(|job| job.size).sum();
    let share = total / request.threads as u64;
    let is_large = |job: &Job| !plan.large.is_empty() && (LARGE_BYTES..=share).contains(&job.size);
    let (mut runs, mut run_bytes) = (Vec::<Range<usize>>::new(), 0);
    for (index, job) in jobs.iter().enumerate() {
        let huge = request.blake3 && !job.subtree && job.size > request.segment_bytes;
        if huge && !request.sha256 && job.stretches.is_empty() {
            cut(request, index, &mut plan.units, &mut plan.cuts);
        } else if is_large(job) {
            continue;
        } else if huge && request.threads > 1 && job.size > share {
            plan.units.push(Unit::Paired { job: index });
        } else {
            match runs.last_mut().filter(|run| run.end == index && run.len() < RUN_FILES && run_bytes + job.size <= RUN_BYTES) {
                Some(run) => run.end = index + 1,
                None => {
                    runs.push(index..index + 1);
                    run_bytes = 0;
                }
            }
            run_bytes += job.size;
        }
    }
    plan.units.extend(runs.into_iter().map(|run| Unit::Run { from: run.start, to: run.end }));
    plan
}

/// Files to hash two by two: where that is faster, SHA-256 is wanted, and every thread gets two at least. Not those that
/// would keep one thread busy when the others are done.
fn large_files(request: &Request) -> Vec<usize> {
    let size = |index: &usize| request.jobs[*index].size;
    let share = request.jobs.iter().map(|job| job.size).sum::<u64>() / request.threads as u64;
    let mut large: Vec<usize> = (0..request.jobs.len()).filter(|index| (LARGE_BYTES..=share).contains(&size(index))).collect();
    if !request.sha256 || !sha256_lanes::is_fast() || large.len() < 2 * request.threads {
        return Vec::new();
    }
    large.sort_by_key(|index| std::cmp::Reverse(size(index)));
    large
}

fn cut(request: &Request, job: usize, units: &mut Vec<Unit>, cuts: &mut Vec<Cut>) {
    let segments = request.jobs[job].size.div_ceil(request.segment_bytes);
    for segment in 0..segments {
        units.push(Unit::Segment { job, start: segment * request.segment_bytes, cut: cuts.len() });
    }
    cuts.push(Cut { segments: OnceLock::new(), missing: AtomicUsize::new(segments as usize) });
}

impl Work<'_> {
    fn take_all(&self) {
        let mut buffer = Buffer::new();
        while let Some(unit) = self.units.get(self.next.fetch_add(1, Relaxed)) {
            self.perform(unit, &mut buffer);
        }
    }

    fn perform(&self, unit: &Unit, buffer: &mut [u8]) {
        match *unit {
            Unit::Run { from, to } => (from..to).for_each(|job| self.note(job, self.whole(job, buffer))),
            Unit::Segment { job, start, cut } => self.note(job, self.segment(job, start, &self.cuts[cut], buffer)),
            Unit::Paired { job } => self.note(job, self.paired(job)),
            Unit::TwoByTwo => two_files::hash(
                self.request,
                self.control,
                || self.large.get(self.next_large.fetch_add(1, Relaxed)).copied(),
                |job, result| {
                    self.note(job, result.map(|output| *self.outputs[job].lock().unwrap() = output));
                },
            ),
        }
    }

    /// The first failure is the one to tell, unless all are wanted; what comes after an abort follows from it.
    fn note(&self, job: usize, result: Result<(), Failure>) {
        let Err(failure) = result else { return };
        let mut failures = self.failures.lock().unwrap();
        if self.request.keep_going || failures.is_empty() {
            failures.push((job, failure));
        }
        if !self.request.keep_going {
            self.control.aborted.store(true, Relaxed);
        }
    }

    fn whole(&self, index: usize, buffer: &mut [u8]) -> Result<(), Failure> {
        let job = &self.request.jobs[index];
        if job.subtree {
            return self.subtree(index, buffer);
        }
        if job.size <= GROUP_BYTES as u64 && matches!(job.sink, Sink::None) && job.stretches.is_empty() {
            return self.at_once(index, buffer);
        }
        let mut sha256 = Sha256::new();
        let mut blake3 = if self.request.blake3 { Some(InOrder::new(job, self.request.segment_bytes)?) } else { None };
        let mut stretches = Stretches::of(job, self.request.segment_bytes);
        self.read(job, 0, job.size, buffer, |offset, bytes| {
            if self.request.sha256 {
                sha256.update(bytes);
            }
            stretches.update(offset, bytes)?;
            blake3.as_mut().map_or(Ok(()), |blake3| blake3.update(offset, bytes))
        })?;
        let mut output = self.outputs[index].lock().unwrap();
        output.stretches = stretches.finish();
        if self.request.sha256 {
            output.sha256 = sha256.finalize().into();
        }
        blake3.map_or(Ok(()), |blake3| blake3.finish(&mut output))
    }

    /// Of a small file.
    fn at_once(&self, index: usize, buffer: &mut [u8]) -> Result<(), Failure> {
        let job = &self.request.jobs[index];
        let bytes = &mut buffer[..job.size as usize];
        self.control.advance(0)?;
        let file = OpenFile::open(job)?;
        file.read_exact_at(bytes, 0)?;
        self.control.advance(bytes.len())?;
        file.close()?;
        let mut output = self.outputs[index].lock().unwrap();
        if self.request.sha256 {
            output.sha256 = Sha256::digest(&*bytes).into();
        }
        if self.request.blake3 {
            output.blake3 = *blake3::hash(bytes).as_bytes();
        }
        if job.content {
            output.content = bytes.to_vec();
        }
        Ok(())
    }

    /// Of an aligned part that is not the whole: what its parent is computed from.
    fn subtree(&self, index: usize, buffer: &mut [u8]) -> Result<(), Failure> {
        let job = &self.request.jobs[index];
        let mut blake3 = blake3::Hasher::new();
        blake3.set_input_offset(job.start);
        self.read(job, 0, job.size, buffer, |_, bytes| {
            blake3.update(bytes);
            Ok(())
        })?;
        self.outputs[index].lock().unwrap().blake3 = blake3.finalize_non_root();
        Ok(())
    }

    fn segment(&self, index: usize, start: u64, cut: &Cut, buffer: &mut [u8]) -> Result<(), Failure> {
        let job = &self.request.jobs[index];
        let end = job.size.min(start + self.request.segment_bytes);
        let segments = cut.segments.get_or_init(|| Segments::new(job, self.request.segment_bytes)).as_ref().map_err(|failure| *failure)?;
        let mut leaves = segments.begin();
        self.read(job, start, end, buffer, |offset, bytes| {
            segments.update(&mut leaves, offset, bytes);
            Ok(())
        })?;
        segments.put((start / self.request.segment_bytes) as usize, &leaves)?;
        if cut.missing.fetch_sub(1, AcqRel) == 1 {
            segments.finish(&mut self.outputs[index].lock().unwrap())?;
        }
        Ok(())
    }

    fn paired(&self, index: usize) -> Result<(), Failure> {
        let job = &self.request.jobs[index];
        let mut blake3 = InOrder::new(job, self.request.segment_bytes)?;
        let mut stretches = Stretches::of(job, self.request.segment_bytes);
        let sha256 = paired::hash(job, self.control, |offset, bytes| {
            stretches.update(offset, bytes)?;
            blake3.update(offset, bytes)
        })?;
        let mut output = self.outputs[index].lock().unwrap();
        output.stretches = stretches.finish();
        output.sha256 = sha256;
        blake3.finish(&mut output)
    }

    fn read(&self, job: &Job, start: u64, end: u64, buffer: &mut [u8], mut each: impl FnMut(u64, &[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        self.control.advance(0)?;
        let file = OpenFile::open(job)?;
        let mut offset = start;
        while offset < end {
            let length = (end - offset).min(buffer.len() as u64) as usize;
            file.read_exact_at(&mut buffer[..length], offset)?;
            each(offset, &buffer[..length])?;
            self.control.advance(length)?;
            offset += length as u64;
        }
        file.close()
    }
}
