//! Shared with JavaScript while the work goes on.

use crate::job::Failure;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

#[derive(Default)]
pub struct Control {
    pub aborted: AtomicBool,
    pub bytes: AtomicU64,
}

impl Control {
    /// Counts bytes done; fails once somebody wants it to stop.
    pub fn advance(&self, bytes: usize) -> Result<(), Failure> {
        self.bytes.fetch_add(bytes as u64, Relaxed);
        if self.aborted.load(Relaxed) { Err(Failure::Interrupted) } else { Ok(()) }
    }
}
