//! Everything that was written to one file system, through to the disk: one call where each file by itself would cost more
//! than its content.

use std::ffi::CStr;

/// Null: this system cannot, and each file is flushed by itself. Else 0, or why it failed (`errno`).
#[cfg(target_os = "linux")]
pub fn file_system_of(folder: &CStr) -> Option<i32> {
    // SAFETY: the path is NUL-terminated; the descriptor is closed here.
    unsafe {
        let fd = libc::open(folder.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC | libc::O_DIRECTORY);
        if fd < 0 {
            return Some(errno());
        }
        let failed = if libc::syncfs(fd) == 0 { 0 } else { errno() };
        libc::close(fd);
        Some(failed)
    }
}

#[cfg(not(target_os = "linux"))]
pub fn file_system_of(_folder: &CStr) -> Option<i32> {
    None
}

#[cfg(target_os = "linux")]
fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}
