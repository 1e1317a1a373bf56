//! One request: files in order → an index. Segments and row groups are shared out among threads and taken in order.

use crate::arrow;
use crate::blocks::Slice;
use crate::columns::Columns;
use crate::csv::{self, Table};
use crate::hashing::Hashing;
use crate::index::{Indexed, Sink, lock};
use crate::lanes::Hash;
use crate::scan::{self, Found, Lines, Stop};
use crate::segments::{SEGMENT, Segments};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

pub enum Format {
    Lines(Lines),
    Table(Table),
    Parquet { as_text: bool },
    Arrow { as_text: bool },
}

pub struct Request {
    pub format: Format,
    pub secret: Option<Hash>,
    pub threads: usize,
    /// Where the index goes, all but its header and roots.
    pub out: Option<String>,
    /// A new file for what does not fit into memory; it is gone at once.
    pub spill: String,
    pub files: Vec<Source>,
}

pub struct Source {
    pub path: String,
    /// Of a columnar file: what is read of it. Default: all.
    pub slice: Option<Slice>,
}

#[derive(Default)]
pub struct Control {
    /// Read so far.
    pub bytes: AtomicU64,
    pub aborted: AtomicBool,
}

/// What stopped the run, and in which file.
pub struct Failure {
    pub file: usize,
    pub stop: Stop,
}

/// Pieces a thread may be ahead of one that is slow.
const AHEAD: usize = 32;

/// Found out of order, kept until those before have come.
struct Queue {
    sink: Sink,
    next: usize,
    waiting: BTreeMap<usize, Found>,
}

impl Queue {
    fn add(&mut self, index: usize, found: Found) -> Result<(), Stop> {
        self.waiting.insert(index, found);
        while let Some(found) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.sink.add(&found)?;
        }
        Ok(())
    }
}

pub fn run(request: &Request, control: &Control) -> Result<Indexed, Failure> {
    let whole = |stop: Stop| Failure { file: usize::MAX, stop };
    let spill = File::options().read(true).write(true).create_new(true).open(&request.spill).map_err(|error| whole(error.into()))?;
    fs::remove_file(&request.spill).map_err(|error| whole(error.into()))?;
    let out = match &request.out {
        Some(path) => Some(File::options().write(true).open(path).map_err(|error| whole(error.into()))?),
        None => None,
    };
    let mut sink = Sink::new(spill, out.is_some());
    let mut columns = Columns::default();
    let mut parts = Vec::with_capacity(request.files.len());
    for (index, source) in request.files.iter().enumerate() {
        let before = sink.records;
        sink = guarded(|| file(request, source, sink, &mut columns, control)).map_err(|stop| Failure { file: index, stop })?;
        parts.push(sink.records - before);
    }
    let roots = sink.finish(request.threads, out.as_ref()).map_err(|error| whole(error.into()))?;
    Ok(Indexed { roots, columns, parts })
}

/// Bytes that a decoder was not made for can make it panic: that is a refusal, and ends no process.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Stop>) -> Result<T, Stop> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Stop::Unsupported("it does not decode".into())))
}

fn file(request: &Request, Source { path, slice }: &Source, mut sink: Sink, columns: &mut Columns, control: &Control) -> Result<Sink, Stop> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let hashing = || Hashing::new(request.secret.as_ref());
    let keeps = request.out.is_some();
    match &request.format {
        Format::Lines(lines) => {
            let segments = size.div_ceil(SEGMENT as u64) as usize;
            let read = |reader: &mut Segments, index: usize, found: &mut Found| {
                control.bytes.fetch_add(SEGMENT as u64, Relaxed);
                reader.read(&file, size, index as u64, found, keeps)
            };
            let settle = |Segments { mut reader, .. }: Segments| {
                reader.settle();
                reader.columns
            };
            share(request.threads, segments, sink, columns, control, (&|| Segments::new(scan::Reader::new(*lines, hashing())), &read, &settle))
        }
        Format::Table(table) => {
            let mut reader = csv::Reader::new(table, hashing());
            reader.read(&file, size, |found| taken(&mut sink, found, control, size))?;
            columns.unite(reader.columns);
            Ok(sink)
        }
        Format::Parquet { as_text } => {
            let (footer, groups) = arrow::parquet_footer(&file, slice.as_ref())?;
            let each = size / footer.metadata().num_row_groups().max(1) as u64;
            let read = |reader: &mut arrow::Reader, group: usize, found: &mut Found| {
                control.bytes.fetch_add(each, Relaxed);
                reader.row_group(File::open(path)?, &footer, groups.start + group, found)
            };
            let make = || {
                let mut reader = arrow::Reader::new(hashing(), *as_text);
                reader.see_schema(footer.schema());
                reader
            };
            share(request.threads, groups.len(), sink, columns, control, (&make, &read, &|reader: arrow::Reader| reader.columns))
        }
        Format::Arrow { as_text } => {
            let mut reader = arrow::Reader::new(hashing(), *as_text);
            reader.ipc(file, slice.as_ref(), |found| taken(&mut sink, found, control, 0))?;
            columns.unite(reader.columns);
            Ok(sink)
        }
    }
}

fn taken(sink: &mut Sink, found: &mut Found, control: &Control, _size: u64) -> Result<(), Stop> {
    control.bytes.fetch_add(1 << 20, Relaxed);
    if control.aborted.load(Relaxed) {
        return Err(Stop::Unsupported("interrupted".into()));
    }
    sink.add(found)
}

type Work<'a, R> = (&'a (dyn Fn() -> R + Sync), &'a (dyn Fn(&mut R, usize, &mut Found) -> Result<(), Stop> + Sync), &'a (dyn Fn(R) -> Columns + Sync));

/// Shares `count` pieces out among threads; what they find is taken in order.
fn share<R>(threads: usize, count: usize, sink: Sink, columns: &mut Columns, control: &Control, (make, read, settle): Work<R>) -> Result<Sink, Stop> {
    let queue = Mutex::new(Queue { sink, next: 0, waiting: BTreeMap::new() });
    let all = Mutex::new(std::mem::take(columns));
    let next = AtomicUsize::new(0);
    // The earliest piece that failed decides, whichever thread was quicker.
    let failure: Mutex<Option<(usize, Stop)>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count).max(1) {
            scope.spawn(|| {
                let mut reader = make();
                let is_over = |index: usize| control.aborted.load(Relaxed) || lock(&failure).as_ref().is_some_and(|(earlier, _)| *earlier < index);
                loop {
                    let index = next.fetch_add(1, Relaxed);
                    // What waits takes memory. The piece that all wait for is being read: its thread does not get here.
                    while index < count && !is_over(index) && index > lock(&queue).next + AHEAD {
                        std::thread::sleep(std::time::Duration::from_millis(1));
                    }
                    if index >= count || is_over(index) {
                        break;
                    }
                    let mut found = Found::default();
                    let outcome = guarded(|| read(&mut reader, index, &mut found)).and_then(|()| lock(&queue).add(index, found));
                    if let Err(stop) = outcome {
                        let mut failure = lock(&failure);
                        if failure.as_ref().is_none_or(|(earlier, _)| index < *earlier) {
                            *failure = Some((index, stop));
                        }
                    }
                }
                lock(&all).unite(settle(reader));
            });
        }
    });
    if let Some((_, stop)) = lock(&failure).take() {
        return Err(stop);
    }
    if control.aborted.load(Relaxed) {
        return Err(Stop::Unsupported("interrupted".into()));
    }
    *columns = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(queue.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).sink)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_panics_refuses_the_file() {
        let outcome = guarded(|| -> Result<(), Stop> { panic!("beyond what it was made for") });
        assert!(matches!(outcome, Err(Stop::Unsupported(why)) if why == "it does not decode"));
    }

    #[test]
    fn of_pieces_that_panic_the_earliest_decides_and_none_is_waited_for() {
        let spill = std::env::temp_dir().join(format!("weighmark-guarded-{}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&spill).unwrap();
        fs::remove_file(&spill).unwrap();
        let read = |_: &mut (), index: usize, _: &mut Found| if index % 3 == 1 { panic!("piece {index}") } else { Ok(()) };
        let work: Work<()> = (&|| (), &read, &|()| Columns::default());
        let outcome = share(4, 100, Sink::new(file, false), &mut Columns::default(), &Control::default(), work);
        assert!(matches!(outcome, Err(Stop::Unsupported(_))));
    }
}
