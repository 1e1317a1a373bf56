//! The addon's nine functions, for `native.ts` alone: `create() → run`, `start(run, request) → Promise<response>`,
//! `sums(run, request) → Promise<text>` (`sums.rs`),
//! `progress(run) → bytes`, `abort(run)`, `lstat(paths) → answers`, `flush(folder) → errno, or -1`, `ask(question, child,
//! parent, importance) → Promise<answer>` (`weights.rs`), `place(run, request) → Promise<answer>` (`placed.rs`). The promise is resolved with an empty buffer if the
//! request is malformed.

use crate::control::Control;
use crate::copies;
use crate::engine;
use crate::flush::file_system_of;
use crate::napi::*;
use crate::placed;
use crate::request;
use crate::stats;
use crate::sums;
use crate::weights;
use std::ffi::{CStr, c_void};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What is made of a request on another thread; empty where it is malformed.
type Answer = fn(&[u8], &Control) -> Vec<u8>;

struct Job {
    control: Arc<Control>,
    request: Vec<u8>,
    answer: Answer,
    response: Vec<u8>,
    deferred: napi_deferred,
    work: napi_async_work,
}

#[unsafe(no_mangle)]
pub extern "C" fn node_api_module_get_api_version_v1() -> i32 {
    8
}

/// # Safety
/// Called by Node once per environment with its own handles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(env: napi_env, exports: napi_value) -> napi_value {
    give_back_large();
    let functions: [(&CStr, napi_callback); 11] = [
        (c"flush", flush),
        (c"sums", sums),
        (c"create", create),
        (c"start", start),
        (c"progress", progress),
        (c"abort", abort),
        (c"lstat", lstat),
        (c"ask", ask),
        (c"place", place),
        (c"copy", copy),
        (c"rename", rename),
    ];
    for (name, callback) in functions {
        let mut function = null_mut();
        // SAFETY: handles of this call; the names are static.
        unsafe {
            napi_create_function(env, name.as_ptr(), name.count_bytes(), callback, null_mut(), &mut function);
            napi_set_named_property(env, exports, name.as_ptr(), function);
        }
    }
    exports
}

/// From here on a piece of memory gets pages of its own, which go back to the system when it is freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BYTES: i32 = 1 << 20;

/// By itself glibc raises that bound with each large piece that is freed: of the hundreds of megabytes that pass through while a
/// million files are read, nearly all would stay with the process.
fn give_back_large() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets a number of the allocator's.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
    }
}

unsafe extern "C" fn create(env: napi_env, _info: napi_callback_info) -> napi_value {
    let control = Box::new(Arc::new(Control::default()));
    let mut external = null_mut();
    // SAFETY: the finalizer owns the box from here on.
    unsafe { napi_create_external(env, Box::into_raw(control).cast(), Some(drop_control), null_mut(), &mut external) };
    external
}

unsafe extern "C" fn drop_control(_env: napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: made by `create`, finalized once.
    drop(unsafe { Box::from_raw(data.cast::<Arc<Control>>()) });
}

unsafe extern "C" fn start(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call.
    unsafe {
        queue(env, info, |bytes, control| {
            let Some(request) = request::parse(bytes) else { return Vec::new() };
            let (outputs, failures) = engine::run(&request, control);
            request::respond(&request, &outputs, &failures)
        })
    }
}

unsafe extern "C" fn sums(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call.
    unsafe { queue(env, info, |bytes, control| sums::of(bytes, control).unwrap_or_default()) }
}

unsafe extern "C" fn place(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call.
    unsafe { queue(env, info, |bytes, control| placed::answer(bytes, control).unwrap_or_default()) }
}

unsafe extern "C" fn copy(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call.
    unsafe { queue(env, info, |bytes, control| copies::of(bytes, control).unwrap_or_default()) }
}

unsafe fn queue(env: napi_env, info: napi_callback_info, answer: Answer) -> napi_value {
    // SAFETY: handles of this call; the buffer is copied before it returns.
    unsafe {
        let [run, buffer] = arguments(env, info);
        let (Some(control), Some(request)) = (control_of(env, run), bytes_of(env, buffer)) else { return refuse(env) };
        let mut job = Box::new(Job { control, request: request.to_vec(), answer, response: Vec::new(), deferred: null_mut(), work: null_mut() });
        let (mut promise, mut name) = (null_mut(), null_mut());
        napi_create_promise(env, &mut job.deferred, &mut promise);
        napi_create_string_utf8(env, c"weighmark".as_ptr(), 9, &mut name);
        let job = Box::into_raw(job);
        napi_create_async_work(env, null_mut(), name, execute, complete, job.cast(), &raw mut (*job).work);
        napi_queue_async_work(env, (*job).work);
        promise
    }
}

/// On a thread of libuv's pool, which becomes one of the hashing threads.
unsafe extern "C" fn execute(_env: napi_env, data: *mut c_void) {
    // SAFETY: the job belongs to this work until `complete`.
    let job = unsafe { &mut *data.cast::<Job>() };
    job.response = (job.answer)(&std::mem::take(&mut job.request), &job.control);
}

unsafe extern "C" fn complete(env: napi_env, _status: napi_status, data: *mut c_void) {
    // SAFETY: the last use of the job; Node gives an open handle scope.
    unsafe {
        let job = Box::from_raw(data.cast::<Job>());
        let mut response = null_mut();
        napi_create_buffer_copy(env, job.response.len(), job.response.as_ptr().cast(), null_mut(), &mut response);
        napi_resolve_deferred(env, job.deferred, response);
        napi_delete_async_work(env, job.work);
    }
}

unsafe extern "C" fn progress(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call.
    unsafe {
        let [run, _] = arguments(env, info);
        let Some(control) = control_of(env, run) else { return refuse(env) };
        let mut bytes = null_mut();
        napi_create_double(env, control.bytes.load(Relaxed) as f64, &mut bytes);
        bytes
    }
}

unsafe extern "C" fn abort(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call.
    unsafe {
        let [run, _] = arguments(env, info);
        let Some(control) = control_of(env, run) else { return refuse(env) };
        control.aborted.store(true, Relaxed);
    }
    null_mut()
}

unsafe extern "C" fn lstat(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call; nobody changes the buffer before it returns.
    unsafe {
        let [paths, _] = arguments(env, info);
        let Some(answers) = bytes_of(env, paths).and_then(stats::of) else { return refuse(env) };
        let mut buffer = null_mut();
        napi_create_buffer_copy(env, answers.len(), answers.as_ptr().cast(), null_mut(), &mut buffer);
        buffer
    }
}

unsafe extern "C" fn rename(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call; nobody changes the buffer before it returns.
    unsafe {
        let [pairs, _] = arguments(env, info);
        let Some(answer) = bytes_of(env, pairs).and_then(copies::rename) else { return refuse(env) };
        let mut buffer = null_mut();
        napi_create_buffer_copy(env, answer.len(), answer.as_ptr().cast(), null_mut(), &mut buffer);
        buffer
    }
}

unsafe extern "C" fn flush(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call; nobody changes the buffer before it returns.
    unsafe {
        let [folder, _] = arguments(env, info);
        let Some(path) = bytes_of(env, folder).and_then(|bytes| CStr::from_bytes_with_nul(bytes).ok()) else { return refuse(env) };
        let mut errno = null_mut();
        napi_create_double(env, file_system_of(path).map_or(-1.0, f64::from), &mut errno);
        errno
    }
}

unsafe extern "C" fn ask(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: handles of this call; `weights/native.ts` keeps the buffers until the promise is settled.
    unsafe {
        let values: [napi_value; 4] = arguments(env, info);
        let buffers = values.map(|value| bytes_of(env, value));
        let [Some(question), Some(child), Some(parent), Some(importance)] = buffers else { return refuse(env) };
        weights::ask(env, [question, child, parent, importance]).unwrap_or_else(|| refuse(env))
    }
}

unsafe fn arguments<const COUNT: usize>(env: napi_env, info: napi_callback_info) -> [napi_value; COUNT] {
    let mut values = [null_mut(); COUNT];
    let mut count = values.len();
    // SAFETY: room for as many; Node fills what is missing with undefined.
    unsafe { napi_get_cb_info(env, info, &mut count, values.as_mut_ptr(), null_mut(), null_mut()) };
    values
}

unsafe fn control_of(env: napi_env, run: napi_value) -> Option<Arc<Control>> {
    let mut data = null_mut();
    // SAFETY: `native.ts` passes nothing but what `create` made; anything that is no external is refused.
    unsafe { (napi_get_value_external(env, run, &mut data) == OK && !data.is_null()).then(|| (*data.cast::<Arc<Control>>()).clone()) }
}

/// Null for what is no buffer. To be used while the call lasts.
unsafe fn bytes_of<'a>(env: napi_env, buffer: napi_value) -> Option<&'a [u8]> {
    let (mut data, mut length) = (null_mut(), 0);
    // SAFETY: Node keeps an argument's memory while the call lasts; an empty buffer may have none.
    unsafe {
        match napi_get_buffer_info(env, buffer, &mut data, &mut length) {
            OK if length == 0 => Some(&[]),
            OK => Some(std::slice::from_raw_parts(data.cast(), length)),
            _ => None,
        }
    }
}

unsafe fn refuse(env: napi_env) -> napi_value {
    // SAFETY: static text.
    unsafe { napi_throw_error(env, null_mut(), c"wrong arguments".as_ptr()) };
    null_mut()
}
