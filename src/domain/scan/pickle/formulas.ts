import { globalName, isNode, type PickleObject, type PickleValue } from '../../formats/pickle/index.ts';
import { report, type Spot } from '../session.ts';

/** Set on a state that statsmodels makes its matrices of again, from the formula beside it. @see statsmodels/base/data.py */
const AGAIN: ReadonlySet<string> = new Set(['restore_model_spec', 'restore_design_info']);

/** Keys of a state by which a formula is run. */
export const FORMULA_KEYS: ReadonlySet<string> = new Set([...AGAIN, 'formula']);

/** Functions of formulas' own language, and NumPy's that only compute. */
const FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'C I Q bs cr cc te hashed lag poly center standardize scale Treatment Sum Diff Helmert Poly Levels contr.treatment contr.sum log exp sqrt abs ' +
    'pow min max np.log np.log1p np.log2 np.log10 np.exp np.expm1 np.sqrt np.abs np.sin np.cos np.tan np.power np.square np.sign np.floor np.ceil ' +
    'np.round np.where np.clip np.maximum np.minimum np.cbrt np.tanh'
  ).split(' '),
);

/** Whether a formula only names columns and calls what computes: its terms are run as Python. */
function isPlainFormula(text: string): boolean {
  if (text.length > 100_000 || /__|\b(?:lambda|import|yield|await|for|if)\b|:=/.test(text)) return false;
  const bare = text.replace(/"[^"\\\n]*"|'[^'\\\n]*'/g, '""');
  // A letter before a text makes one of it that holds expressions.
  if (/["')\]}]\s*\(|[\p{L}\p{N}_]""/u.test(bare) || !/^[\p{L}\p{M}\p{N}_\s.,:~+*/^|()[\]%<>=!&{}"-]*$/u.test(bare))
    return false;
  return [...bare.matchAll(/([\p{L}\p{M}\p{N}_.]+)\s*\(/gu)].every(
    ([, name = '']) => FUNCTIONS.has(name) || /^\d/.test(name) || name === '',
  );
}

/** What one pickle's states say of formulas. */
export interface Formulas {
  add(key: string, value: PickleValue, offset: number): void;
  /** A state of statsmodels whose keys, or which itself, the pickle computes. */
  state(target: PickleObject, state: PickleValue): void;
  judge(spot: Spot): void;
}

/** A formula and the order to run it may come in either order, and from states of any size. */
export function formulasOf(): Formulas {
  let [again, hidden]: (number | undefined)[] = [];
  let formula: { readonly text: string; readonly offset: number } | undefined;
  return {
    add: (key, value, offset) => {
      if (AGAIN.has(key)) again ??= offset;
      else if (typeof value !== 'string') formula ??= value === null ? undefined : { text: 'a computed text', offset };
      else if (!isPlainFormula(value)) formula ??= { text: value.slice(0, 80), offset };
    },
    state: (target, state) => {
      const named = [target.callee, target.args[0]].map((value) => globalName(value));
      if (!named.some((name) => name?.startsWith('statsmodels.base.data.'))) return;
      if (isNode(state) && (state.kind !== 'dict' || state.computed)) hidden ??= target.offset;
    },
    judge: (spot) => {
      if (again !== undefined && formula !== undefined)
        report(spot, 'WM-PICKLE-022', `statsmodels runs the formula again that the state has: ${formula.text}`, {
          offset: formula.offset,
        });
      if (hidden !== undefined)
        report(
          spot,
          'WM-PICKLE-022',
          'the state of a model has keys that are computed, and its library runs a formula of it',
          { offset: hidden },
        );
    },
  };
}
