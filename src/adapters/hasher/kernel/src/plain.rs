//! The files below a folder, if there is nothing but files and folders with ordinary names: everything else is JavaScript's to
//! judge (`files/walk.ts`), and so is every refusal.

use std::ffi::{OsStr, OsString};
use std::fs::{FileType, ReadDir, read_dir};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// As `LIMITS` in TypeScript has them, or less: what is beyond is asked there.
const DEPTH: usize = 32;
const PATH_BYTES: usize = 1 << 10;

/// What a walk passes over, and what it may not meet.
pub struct Rules<'a> {
    /// Names at the top that are no part of the tree.
    pub passed_over: &'a [&'a [u8]],
    /// Names at the top below which other rules hold.
    pub unusual: &'a [&'a [u8]],
    pub most_files: usize,
}

/// A folder's path as it was given, with a slash at its end, and the names of its files one after the other.
pub struct Folder {
    pub path: Vec<u8>,
    pub names: Vec<u8>,
}

/// A file by its folder and the place of its name there.
#[derive(Clone, Copy)]
pub struct Entry {
    folder: u32,
    start: u32,
    length: u16,
}

/// Files sorted by the bytes of their paths.
#[derive(Default)]
pub struct Plain {
    pub folders: Vec<Folder>,
    pub files: Vec<Entry>,
}

impl Plain {
    /// Null where anything is not plain, or cannot be read.
    pub fn of(root: &[u8], rules: &Rules) -> Option<Self> {
        let mut plain = Self::default();
        let mut path = root.to_vec();
        while path.last() == Some(&b'/') {
            path.pop();
        }
        path.push(b'/');
        plain.add(path, root.len(), 1, rules)?;
        Some(plain)
    }

    pub fn folder(&self, entry: Entry) -> (usize, &Folder) {
        (entry.folder as usize, &self.folders[entry.folder as usize])
    }

    pub fn name(&self, entry: Entry) -> &[u8] {
        &self.folders[entry.folder as usize].names[entry.start as usize..][..usize::from(entry.length)]
    }

    fn add(&mut self, path: Vec<u8>, root_length: usize, depth: usize, rules: &Rules) -> Option<()> {
        if depth > DEPTH || path.len() - root_length.min(path.len()) > PATH_BYTES {
            return None;
        }
        let mut items = items(read_dir(Path::new(OsStr::from_bytes(&path))).ok()?, (depth == 1).then_some(rules))?;
        items.sort_unstable();
        let folder = self.folders.len() as u32;
        self.folders.push(Folder { path, names: Vec::new() });
        for name in items {
            if name.last() == Some(&b'/') {
                let inner = [&self.folders[folder as usize].path[..], &name].concat();
                self.add(inner, root_length, depth + 1, rules)?;
            } else {
                self.push(folder, &name, rules)?;
            }
        }
        Some(())
    }

    fn push(&mut self, folder: u32, name: &[u8], rules: &Rules) -> Option<()> {
        let names = &mut self.folders[folder as usize].names;
        self.files.push(Entry { folder, start: u32::try_from(names.len()).ok()?, length: name.len() as u16 });
        names.extend_from_slice(name);
        names.push(0);
        (self.files.len() <= rules.most_files).then_some(())
    }
}

/// Names of files, and those of folders with the slash by which they sort among them.
fn items(entries: ReadDir, top: Option<&Rules>) -> Option<Vec<Vec<u8>>> {
    let mut items = Vec::new();
    for entry in entries {
        let entry = entry.ok()?;
        let name = entry.file_name();
        let is = |names: &[&[u8]]| names.contains(&name.as_bytes());
        if top.is_some_and(|rules| is(rules.unusual)) {
            return None;
        }
        if !top.is_some_and(|rules| is(rules.passed_over)) {
            items.push(item(name, entry.file_type().ok()?)?);
        }
    }
    Some(items)
}

fn item(name: OsString, kind: FileType) -> Option<Vec<u8>> {
    let mut name = name.into_vec();
    if !is_ordinary(&name) || !(kind.is_file() || kind.is_dir()) {
        return None;
    }
    if kind.is_dir() {
        name.push(b'/');
    }
    Some(name)
}

/// UTF-8, and nothing that the lines of a checksum file escape.
pub fn is_ordinary(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok() && !name.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r'))
}
