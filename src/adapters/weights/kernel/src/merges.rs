//! Is a child's tensor what merging several models gives? Each element is computed in the order mergekit takes, fused or not, and
//! within what any order of so few sums leaves.

use crate::floats::{Dtype, Via, cast};
use crate::low_rank::{Merged, bits, bits_of, is_nan, ordered};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Σ wx / Σ w
    Linear,
    /// base + λ Σ w (x − base)
    Task,
    /// The same of each model's largest changes, where they agree in sign.
    Ties,
    /// Two coefficients that were computed of the whole tensors.
    Sphere,
}

/// Models at most.
pub const MOST_MODELS: usize = 8;

pub struct Merge<'a> {
    pub method: Method,
    /// Of the child.
    pub dtype: Dtype,
    /// What everything is cast to before, and each result is.
    pub compute: Via,
    pub normalize: bool,
    pub lambda: f32,
    pub weights: &'a [f32],
    /// Of the magnitudes of changes: greater ones are kept, equal ones may be.
    pub thresholds: &'a [f32],
}

type Row = [f32; MOST_MODELS];

/// `base` has an element for each of the child's, `models` as many of each model, one model after the other.
pub fn merge(question: &Merge, child: &[u8], base: &mut [f32], models: &mut [f32]) -> Merged {
    let mut found = Merged::default();
    cast(question.compute, base);
    cast(question.compute, models);
    let count = base.len();
    let own = child.chunks_exact(question.dtype.bytes());
    for (index, (base, own)) in base.iter().zip(own).enumerate() {
        let values: Row = std::array::from_fn(|model| if model < question.weights.len() { models[model * count + index] } else { 0.0 });
        match judge(question, *base, &values, bits_of(own)) {
            Is::Made => {}
            Is::Within => found.open += 1,
            Is::Beyond => {
                if found.beyond == 0 {
                    found.first = index as u64;
                }
                found.beyond += 1;
            }
        }
    }
    found
}

enum Is {
    Made,
    Within,
    Beyond,
}

fn judge(question: &Merge, base: f32, values: &Row, wanted: u32) -> Is {
    let mut is = Is::Beyond;
    for kept in 0..1u32 << question.weights.len() {
        if question.method == Method::Ties && !is_open(question, base, values, kept) || question.method != Method::Ties && kept > 0 {
            continue;
        }
        for fused in [false, true] {
            if stored(question, f64::from(computed(question, base, values, kept, fused))) == wanted {
                return Is::Made;
            }
        }
        let (middle, slack) = exact(question, base, values, kept);
        let (low, high) = (stored(question, middle - slack), stored(question, middle + slack));
        let nan = is_nan(question.dtype, low) || is_nan(question.dtype, high);
        let key = ordered(question.dtype, wanted);
        let within = if nan { is_nan(question.dtype, wanted) } else { ordered(question.dtype, low) <= key && key <= ordered(question.dtype, high) };
        if within {
            is = Is::Within;
        }
    }
    is
}

/// Whether the models whose bits are set in `kept` may be those whose change was kept.
fn is_open(question: &Merge, base: f32, values: &Row, kept: u32) -> bool {
    question.thresholds.iter().enumerate().all(|(model, threshold)| {
        let size = rounded(question, values[model] - base).abs();
        if kept >> model & 1 == 1 { size >= *threshold } else { size <= *threshold }
    })
}

fn rounded(question: &Merge, value: f32) -> f32 {
    let mut value = [value];
    cast(question.compute, &mut value);
    value[0]
}

fn stored(question: &Merge, value: f64) -> u32 {
    bits(question.dtype, rounded(question, value as f32))
}

fn computed(question: &Merge, base: f32, values: &Row, kept: u32, fused: bool) -> f32 {
    let r = |value: f32| rounded(question, value);
    let add = |a: f32, b: f32, c: f32| if fused { a.mul_add(b, c) } else { a * b + c };
    let weights = question.weights;
    let models = weights.iter().enumerate();
    match question.method {
        Method::Linear => {
            let sum = models.fold(0.0, |sum, (model, weight)| add(values[model], *weight, sum));
            if question.normalize { sum / weights.iter().sum::<f32>() } else { sum }
        }
        Method::Sphere => add(weights[1], values[1], weights[0] * values[0]),
        Method::Task | Method::Ties => {
            let ties = question.method == Method::Ties;
            let parts: Row = std::array::from_fn(|model| {
                let weight = weights.get(model).copied().unwrap_or(0.0);
                let change = r(values[model] - base);
                r(if ties && kept >> model & 1 == 0 { 0.0 } else { change } * r(weight))
            });
            let sign = if r(parts.iter().sum()) >= 0.0 { 1.0 } else { -1.0 };
            let agrees = |part: f32| !ties || part * sign > 0.0;
            let chosen = || (0..weights.len()).filter(|model| agrees(parts[*model]));
            let mut mixed = r(chosen().map(|model| parts[model]).sum());
            if question.normalize {
                let divisor = r(chosen().map(|model| r(weights[model])).sum());
                mixed = r(mixed / if divisor == 0.0 || !ties && divisor.abs() < 1e-8 { 1.0 } else { divisor });
            }
            base + if question.lambda == 1.0 { mixed } else { r(mixed * question.lambda) }
        }
    }
}

/// The value without roundings, and what they may leave.
fn exact(question: &Merge, base: f32, values: &Row, kept: u32) -> (f64, f64) {
    let unit = match question.compute {
        Via::Nothing => 2f64.powi(-24),
        Via::F16 => 2f64.powi(-11),
        Via::Bf16 => 2f64.powi(-8),
    };
    let weights = question.weights;
    let wide = |model: usize| f64::from(weights[model]);
    let total: f64 = (0..weights.len()).map(wide).sum();
    match question.method {
        Method::Linear => {
            let terms = || (0..weights.len()).map(|model| wide(model) * f64::from(values[model]));
            let divisor = if question.normalize { total } else { 1.0 };
            let size: f64 = terms().map(f64::abs).sum();
            (terms().sum::<f64>() / divisor, size / divisor.abs() * (weights.len() as f64 + 4.0) * 2f64.powi(-24))
        }
        Method::Sphere => {
            let (a, b) = (wide(0) * f64::from(values[0]), wide(1) * f64::from(values[1]));
            (a + b, (a.abs() + b.abs()) * 2f64.powi(-18))
        }
        Method::Task | Method::Ties => {
            let ties = question.method == Method::Ties;
            let part = |model: usize| if ties && kept >> model & 1 == 0 { 0.0 } else { wide(model) * (f64::from(values[model]) - f64::from(base)) };
            let sign = (0..weights.len()).map(part).sum::<f64>() >= 0.0;
            let chosen = || (0..weights.len()).filter(|model| !ties || part(*model) != 0.0 && (part(*model) > 0.0) == sign);
            let sum: f64 = chosen().map(wide).sum();
            let divisor = if question.normalize && sum.abs() >= 1e-8 { sum } else { 1.0 };
            let factor = f64::from(question.lambda) / divisor;
            let mixed: f64 = chosen().map(part).sum::<f64>() * factor;
            let sizes = chosen().map(|model| part(model).abs()).sum::<f64>() * factor.abs();
            (f64::from(base) + mixed, (sizes * (weights.len() as f64 + 6.0) + (f64::from(base) + mixed).abs()) * unit * 1.01)
        }
    }
}
