//! Columns as far as records showed them: a bit for each tag seen.

use crate::encode::NULL;
use crate::json::Shape;
use std::collections::BTreeMap;

/// Names of more columns than this are not kept.
const MAX_COLUMNS: usize = 10_000;

#[derive(Default)]
pub struct Columns {
    seen: BTreeMap<Vec<u8>, u16>,
}

impl Columns {
    pub fn see(&mut self, name: &[u8], tag: u8) {
        self.add(name, if tag == NULL { 0 } else { 1 << tag });
    }

    pub fn add(&mut self, name: &[u8], bits: u16) {
        if let Some(seen) = self.seen.get_mut(name) {
            *seen |= bits;
        } else if self.seen.len() <= MAX_COLUMNS {
            self.seen.insert(name.to_vec(), bits);
        }
    }

    pub fn see_all(&mut self, shape: &Shape) {
        for (name, &tag) in shape.names.iter().zip(&shape.tags) {
            let at = name.iter().position(|byte| byte & 128 == 0).map_or(0, |at| at + 1);
            self.see(&name[at..], tag);
        }
    }

    pub fn unite(&mut self, other: Columns) {
        for (name, bits) in other.seen {
            self.add(&name, bits);
        }
    }

    pub fn all(&self) -> impl Iterator<Item = (&[u8], u16)> {
        self.seen.iter().map(|(name, bits)| (name.as_slice(), *bits))
    }
}
