//! The lines that `b3sum` and `sha256sum` print of many plain files, computed and written here: an object a file costs
//! JavaScript more than reading and hashing it. `native-sums.ts` asks; whatever is out of the ordinary is answered with nothing,
//! and asked again file by file.

use crate::control::Control;
use crate::engine;
use crate::file::{Buffer, OpenFile};
use crate::job::{Failure, Job, Sink};
use crate::plain::{Plain, Rules, is_ordinary};
use crate::request::Request;
use sha2::{Digest, Sha256};
use std::ffi::{CStr, CString};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

const BLAKE3: u32 = 1;
const SHA256: u32 = 2;
/// Files taken at a time.
const RUN_FILES: usize = 64;
/// Larger ones are cut and shared by the cores.
const SMALL_BYTES: u64 = 128 << 10;
const SEGMENT_BYTES: u64 = 4 << 20;

/// Which file a line is of.
enum Names<'a> {
    Given(Vec<&'a CStr>),
    Below(Plain),
}

#[derive(Clone, Copy, Default)]
struct Digests {
    blake3: [u8; 32],
    sha256: [u8; 32],
}

struct Sums<'a> {
    names: Names<'a>,
    wanted: u32,
    threads: usize,
    control: &'a Control,
}

/// A byte and the text; null where something is not plain. The request: algorithms, threads, most files, how many texts of each kind
/// follow (names; passed over; unusual), then those, each with a NUL.
pub fn of(request: &[u8], control: &Control) -> Option<Vec<u8>> {
    let (numbers, rest) = request.split_at_checked(24)?;
    let number = |at: usize| u32::from_le_bytes([numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]]);
    let texts: Vec<&CStr> = rest.split_inclusive(|byte| *byte == 0).map(CStr::from_bytes_with_nul).collect::<Result<_, _>>().ok()?;
    let (names, others) = texts.split_at_checked(number(12) as usize)?;
    let (passed_over, unusual) = others.split_at_checked(number(16) as usize)?;
    let bytes = |texts: &[&'_ CStr]| texts.iter().map(|text| text.to_bytes().to_vec()).collect::<Vec<_>>();
    let (passed_over, unusual) = (bytes(passed_over), bytes(unusual));
    let rules = Rules {
        passed_over: &passed_over.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        unusual: &unusual.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        most_files: number(8) as usize,
    };
    let names = match names {
        [folder] if std::fs::metadata(folder.to_str().ok()?).ok()?.is_dir() => Names::Below(Plain::of(folder.to_bytes(), &rules)?),
        _ => Names::Given(names.to_vec()),
    };
    Sums { names, wanted: number(0), threads: (number(4) as usize).max(1), control }.text()
}

impl Sums<'_> {
    fn text(&self) -> Option<Vec<u8>> {
        let count = self.count();
        let mut digests = vec![Digests::default(); count];
        let large = self.hash_small(&mut digests)?;
        self.hash_large(large, &mut digests)?;
        let mut text = Vec::with_capacity(1 + count * 100);
        text.push(1);
        for (index, digests) in digests.iter().enumerate() {
            self.put_lines(&mut text, index, digests)?;
        }
        Some(text)
    }

    fn count(&self) -> usize {
        match &self.names {
            Names::Given(names) => names.len(),
            Names::Below(plain) => plain.files.len(),
        }
    }

    /// Folder, and name below it.
    fn path(&self, index: usize) -> (&[u8], &[u8]) {
        match &self.names {
            Names::Given(names) => (&[], names[index].to_bytes()),
            Names::Below(plain) => (&plain.folder(plain.files[index]).1.path, plain.name(plain.files[index])),
        }
    }

    /// Returns the jobs that are left. Null if any file is not plain, or changed meanwhile.
    fn hash_small(&self, digests: &mut [Digests]) -> Option<Vec<(usize, Job)>> {
        let runs: Vec<Mutex<&mut [Digests]>> = digests.chunks_mut(RUN_FILES).map(Mutex::new).collect();
        let (next, large, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(false));
        let take_all = || {
            let (mut buffer, mut folder) = (Buffer::new(), None);
            loop {
                let run = next.fetch_add(1, Relaxed);
                let Some(slots) = runs.get(run) else { return };
                for (at, digests) in slots.lock().unwrap().iter_mut().enumerate() {
                    match self.hash_one(run * RUN_FILES + at, &mut buffer, &mut folder, digests) {
                        Ok(None) => {}
                        Ok(Some(job)) => large.lock().unwrap().push((run * RUN_FILES + at, job)),
                        Err(_) => {
                            *failed.lock().unwrap() = true;
                            next.store(runs.len(), Relaxed);
                            return;
                        }
                    }
                }
            }
        };
        let threads = self.threads.min(runs.len()).max(1);
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(take_all);
            }
            take_all();
        });
        (!failed.into_inner().unwrap()).then(|| large.into_inner().unwrap())
    }

    /// A job for what is not small.
    fn hash_one(&self, index: usize, buffer: &mut Buffer, folder: &mut Option<(usize, OwnedFd)>, digests: &mut Digests) -> Result<Option<Job>, Failure> {
        let file = match &self.names {
            Names::Given(names) => OpenFile::any(None, names[index], true)?,
            Names::Below(plain) => {
                let entry = plain.files[index];
                let (number, found) = plain.folder(entry);
                if folder.as_ref().is_none_or(|(open, _)| *open != number) {
                    *folder = Some((number, open_folder(&found.path)?));
                }
                OpenFile::any(folder.as_ref().map(|(_, folder)| folder), c_name(plain, index), false)?
            }
        };
        let size = file.size();
        if size > SMALL_BYTES {
            return Ok(Some(self.job(index, size, &file)));
        }
        let bytes = &mut buffer[..size as usize];
        file.read_exact_at(bytes, 0)?;
        if self.wanted & BLAKE3 != 0 {
            digests.blake3 = *blake3::hash(bytes).as_bytes();
        }
        if self.wanted & SHA256 != 0 {
            digests.sha256 = Sha256::digest(&*bytes).into();
        }
        self.control.advance(size as usize)?;
        file.close()?;
        Ok(None)
    }

    fn job(&self, index: usize, size: u64, file: &OpenFile) -> Job {
        let (folder, name) = self.path(index);
        // Neither half holds a NUL.
        let path = CString::new([folder, name].concat()).unwrap_or_default();
        let follow = matches!(self.names, Names::Given(_));
        Job {
            path,
            size,
            start: 0,
            whole: size,
            follow,
            subtree: false,
            sink: Sink::None,
            content: false,
            stretches: Vec::new(),
            stamp: OnceLock::from(file.stamp()),
        }
    }

    fn hash_large(&self, large: Vec<(usize, Job)>, digests: &mut [Digests]) -> Option<()> {
        if large.is_empty() {
            return Some(());
        }
        let (indexes, jobs): (Vec<_>, Vec<_>) = large.into_iter().unzip();
        let (blake3, sha256) = (self.wanted & BLAKE3 != 0, self.wanted & SHA256 != 0);
        let request = Request { blake3, sha256, keep_going: false, threads: self.threads, segment_bytes: SEGMENT_BYTES, jobs };
        let (outputs, failures) = engine::run(&request, self.control);
        for (index, output) in indexes.iter().zip(&outputs) {
            digests[*index] = Digests { blake3: output.blake3, sha256: output.sha256 };
        }
        failures.is_empty().then_some(())
    }

    fn put_lines(&self, text: &mut Vec<u8>, index: usize, digests: &Digests) -> Option<()> {
        let (folder, name) = self.path(index);
        if !is_ordinary(name) || !is_ordinary(folder) {
            return None;
        }
        let is_tagged = self.wanted == BLAKE3 | SHA256;
        for (algorithm, tag, digest) in [(BLAKE3, "BLAKE3", &digests.blake3), (SHA256, "SHA256", &digests.sha256)] {
            if self.wanted & algorithm == 0 {
                continue;
            }
            if is_tagged {
                [tag.as_bytes(), b" (", folder, name, b") = "].into_iter().for_each(|part| text.extend_from_slice(part));
            }
            put_hex(text, digest);
            if !is_tagged {
                [b"  ", folder, name].into_iter().for_each(|part| text.extend_from_slice(part));
            }
            text.push(b'\n');
        }
        Some(())
    }
}

fn c_name(plain: &Plain, index: usize) -> &CStr {
    let (entry, name) = (plain.files[index], plain.name(plain.files[index]));
    let names = &plain.folder(entry).1.names;
    let start = name.as_ptr() as usize - names.as_ptr() as usize;
    // Each name has its NUL behind it.
    CStr::from_bytes_until_nul(&names[start..]).unwrap_or_default()
}

fn open_folder(path: &[u8]) -> Result<OwnedFd, Failure> {
    let path = CString::new(path).map_err(|_| Failure::Special)?;
    // SAFETY: the path is NUL-terminated; the descriptor is owned from here on.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC) };
    if fd < 0 { Err(std::io::Error::last_os_error().into()) } else { Ok(unsafe { OwnedFd::from_raw_fd(fd) }) }
}

fn put_hex(text: &mut Vec<u8>, digest: &[u8; 32]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in digest {
        text.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}
