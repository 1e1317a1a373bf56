//! Questions about weights that lie in files: `place(run, request) → Promise<eight numbers>`. Threads read both sides a part at a
//! time into memory of their own, so that the bytes are in the cache when they are judged, and answer part by part; the parts'
//! answers are added up in their order, as JavaScript does it with the answers of `weights.rs`.

use crate::control::Control;
use crate::weights::{QUESTION_BYTES, Question};
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use weighmark_weights::{Nearness, Recipe, go_on, recompute};

/// Bytes of a side that are read at once where parts may be cut further.
const READ_ELEMENTS: usize = 1 << 16;
const MOST_THREADS: usize = 64;

struct Side {
    /// Open for as long as the question lasts; never closed here.
    file: ManuallyDrop<File>,
    offset: u64,
}

struct Request {
    question: Question,
    /// Of both sides, and of a part: whole blocks, and with importance whole rows.
    elements: usize,
    part: usize,
    threads: usize,
    child: Side,
    parent: Side,
    importance: Vec<f32>,
}

/// Nothing for what cannot be read, or was not asked as `weights/placed.ts` asks it.
pub fn answer(request: &[u8], control: &Control) -> Option<Vec<u8>> {
    let request = parse(request)?;
    let parts = request.elements.div_ceil(request.part);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answers = Vec::new();
        let mut room = Room::default();
        loop {
            let part = next.fetch_add(1, Relaxed);
            if part >= parts {
                return Some(answers);
            }
            answers.push((part, request.part_answer(part, &mut room, control)?));
        }
    };
    let answers = std::thread::scope(|scope| {
        let others: Vec<_> = (1..request.threads.min(parts)).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            let answers = other.join().ok().flatten();
            all = all.zip(answers).map(|(all, answers)| [all, answers].concat());
        }
        all
    });
    let mut answers = answers?;
    answers.sort_unstable_by_key(|(part, _)| *part);
    let mut sum = [0.0; 8];
    for (part, answer) in answers {
        sum = request.question.added(sum, answer, (part * request.part) as f64);
    }
    Some(sum.iter().flat_map(|number| number.to_le_bytes()).collect())
}

fn parse(bytes: &[u8]) -> Option<Request> {
    let (question, rest) = bytes.split_at_checked(8)?;
    let question = Question::parse(question[..QUESTION_BYTES].try_into().ok()?)?;
    let (numbers, importance) = rest.split_at_checked(7 * 8)?;
    let numbers: Vec<u64> = numbers.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let [elements, part, threads, child, child_offset, parent, parent_offset] = numbers[..].try_into().ok()?;
    let importance: Vec<f32> = importance.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let (elements, part) = (usize::try_from(elements).ok()?, usize::try_from(part).ok()?);
    let unit = if importance.is_empty() { question.kind.sizes().0 } else { importance.len() };
    let whole = part > 0 && unit % question.kind.sizes().0 == 0 && part % unit == 0 && elements % unit == 0;
    let threads = usize::try_from(threads).ok()?.clamp(1, MOST_THREADS);
    whole.then(|| Some(Request { question, elements, part, threads, child: side(child, child_offset)?, parent: side(parent, parent_offset)?, importance }))?
}

fn side(descriptor: u64, offset: u64) -> Option<Side> {
    let descriptor = i32::try_from(descriptor).ok()?;
    // SAFETY: JavaScript holds the file open until the promise is settled; it is not closed here.
    Some(Side { file: ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) }), offset })
}

/// A thread's memory, made once.
#[derive(Default)]
struct Room {
    child: Vec<u8>,
    parent: Vec<u8>,
}

impl Request {
    fn part_answer(&self, part: usize, room: &mut Room, control: &Control) -> Option<[f64; 8]> {
        let start = part * self.part;
        let count = self.part.min(self.elements - start);
        let mut near = Nearness::default();
        let mut differing = [0u64; 2];
        let step = if self.importance.is_empty() { READ_ELEMENTS } else { count };
        for at in (0..count).step_by(step) {
            let taken = step.min(count - at);
            let (child, parent) = self.read(start + at, taken, room)?;
            control.advance(child.len() + parent.len()).ok()?;
            self.judge((child, parent), at, &mut near, &mut differing)?;
        }
        Some(self.question.numbers(&near, differing))
    }

    fn judge(&self, (child, parent): (&[u8], &[u8]), at: usize, near: &mut Nearness, [blocks, first]: &mut [u64; 2]) -> Option<()> {
        let Question { kind, dtype, via, fused, nearest } = self.question;
        if nearest {
            return go_on(kind, dtype, via, (child, parent), at, near).then_some(());
        }
        let importance = (!self.importance.is_empty()).then_some(&self.importance[..]);
        let found = recompute(&Recipe { kind, dtype, via, fused, importance }, child, parent);
        if *blocks == 0 {
            *first = (at / kind.sizes().0) as u64 + found.first;
        }
        *blocks += found.blocks;
        Some(())
    }

    fn read<'a>(&self, start: usize, count: usize, room: &'a mut Room) -> Option<(&'a [u8], &'a [u8])> {
        let (block, bytes) = self.question.kind.sizes();
        let width = self.question.dtype.bytes();
        Some((
            self.child.read(start / block * bytes, count / block * bytes, &mut room.child)?,
            self.parent.read(start * width, count * width, &mut room.parent)?,
        ))
    }
}

impl Side {
    fn read<'a>(&self, at: usize, length: usize, room: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        if room.len() < length {
            room.resize(length, 0);
        }
        self.file.read_exact_at(&mut room[..length], self.offset + at as u64).ok()?;
        Some(&room[..length])
    }
}
