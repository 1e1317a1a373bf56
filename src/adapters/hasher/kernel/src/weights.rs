//! Questions about weights, answered on a thread of libuv's pool: `ask(question, child, parent, importance) → Promise`.
//! The buffers stay the caller's, who keeps them alive and unchanged until the promise is settled.

use crate::napi::*;
use std::ffi::c_void;
use std::ptr::null_mut;
use weighmark_weights::{Dtype, Kind, Nearness, Recipe, Via, nearest, recompute};

/// As `weights/index.ts` lays it down: what is asked, kind, dtype, via, fused; a byte each.
pub const QUESTION_BYTES: usize = 5;
const RECOMPUTE: u8 = 0;

#[derive(Clone, Copy)]
pub struct Question {
    pub kind: Kind,
    pub dtype: Dtype,
    pub via: Via,
    pub fused: bool,
    /// Whether codes are the nearest; else whether blocks are as recomputed.
    pub nearest: bool,
}

impl Question {
    /// Nothing for what `weights/index.ts` would not ask.
    pub fn parse([what, kind, dtype, via, fused]: [u8; QUESTION_BYTES]) -> Option<Self> {
        let dtype = [Dtype::F32, Dtype::F16, Dtype::Bf16].get(usize::from(dtype)).copied()?;
        let via = [Via::Nothing, Via::F16, Via::Bf16].get(usize::from(via)).copied()?;
        Some(Self { kind: Kind::of(u32::from(kind))?, dtype, via, fused: fused != 0, nearest: what != RECOMPUTE })
    }

    /// The answer as JavaScript gets it: of the two what was asked for.
    pub fn numbers(&self, near: &Nearness, [blocks, first]: [u64; 2]) -> [f64; 8] {
        if self.nearest {
            [near.beyond as f64, near.far as f64, near.first as f64, near.free as f64, f64::from(near.worst), near.error, near.square, 0.0]
        } else {
            [blocks as f64, first as f64, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        }
    }

    /// Answers of parts that follow each other; the second begins with element `at`.
    pub fn added(&self, sum: [f64; 8], next: [f64; 8], at: f64) -> [f64; 8] {
        if !self.nearest {
            let first = if sum[0] > 0.0 { sum[1] } else { at / self.kind.sizes().0 as f64 + next[1] };
            return [sum[0] + next[0], first, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        }
        let first = if sum[0] > 0.0 { sum[2] } else { at + next[2] };
        let worst = if next[4] > sum[4] || next[4].is_nan() { next[4] } else { sum[4] };
        [sum[0] + next[0], sum[1] + next[1], first, sum[3] + next[3], worst, sum[5] + next[5], sum[6] + next[6], 0.0]
    }
}

struct Work {
    question: [u8; QUESTION_BYTES],
    child: &'static [u8],
    parent: &'static [u8],
    importance: Vec<f32>,
    answer: [f64; 8],
    deferred: napi_deferred,
    work: napi_async_work,
}

/// # Safety
/// `buffers` hold question, child, parent and importance; child and parent outlive the promise.
pub unsafe fn ask(env: napi_env, buffers: [&[u8]; 4]) -> Option<napi_value> {
    let [question, child, parent, importance] = buffers;
    let question: [u8; QUESTION_BYTES] = question.try_into().ok()?;
    let importance = importance.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    // SAFETY: as the contract above says; handles of this call.
    unsafe {
        let (child, parent) = (&*std::ptr::from_ref(child), &*std::ptr::from_ref(parent));
        let mut work = Box::new(Work { question, child, parent, importance, answer: [0.0; 8], deferred: null_mut(), work: null_mut() });
        let (mut promise, mut name) = (null_mut(), null_mut());
        napi_create_promise(env, &mut work.deferred, &mut promise);
        napi_create_string_utf8(env, c"weights".as_ptr(), 7, &mut name);
        let work = Box::into_raw(work);
        napi_create_async_work(env, null_mut(), name, execute, complete, work.cast(), &raw mut (*work).work);
        napi_queue_async_work(env, (*work).work);
        Some(promise)
    }
}

unsafe extern "C" fn execute(_env: napi_env, data: *mut c_void) {
    // SAFETY: the work belongs to this thread until `complete`.
    let work = unsafe { &mut *data.cast::<Work>() };
    work.answer = answer(work).unwrap_or([f64::NAN; 8]);
}

fn answer(work: &Work) -> Option<[f64; 8]> {
    let question = Question::parse(work.question)?;
    let Question { kind, dtype, via, fused, nearest: near } = question;
    let (block, bytes) = kind.sizes();
    let elements = work.parent.len() / dtype.bytes();
    if elements % block != 0 || work.child.len() != elements / block * bytes || work.parent.len() % dtype.bytes() != 0 {
        return None;
    }
    if near {
        return Some(question.numbers(&nearest(kind, dtype, via, work.child, work.parent)?, [0; 2]));
    }
    let columns = work.importance.len();
    if columns > 0 && (columns % block != 0 || elements % columns != 0) {
        return None;
    }
    let recipe = Recipe { kind, dtype, via, fused, importance: (columns > 0).then_some(&work.importance) };
    let found = recompute(&recipe, work.child, work.parent);
    Some(question.numbers(&Nearness::default(), [found.blocks, found.first]))
}

unsafe extern "C" fn complete(env: napi_env, _status: napi_status, data: *mut c_void) {
    // SAFETY: the last use of the work; Node gives an open handle scope.
    unsafe {
        let work = Box::from_raw(data.cast::<Work>());
        let bytes: Vec<u8> = work.answer.iter().flat_map(|number| number.to_le_bytes()).collect();
        let mut response = null_mut();
        napi_create_buffer_copy(env, bytes.len(), bytes.as_ptr().cast(), null_mut(), &mut response);
        napi_resolve_deferred(env, work.deferred, response);
        napi_delete_async_work(env, work.work);
    }
}
