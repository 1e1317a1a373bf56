import {
  globalName,
  isNode,
  type PickleCall,
  type PickleObject,
  type PickleValue,
} from '../../formats/pickle/index.ts';
import { report, type Spot } from '../session.ts';
import type { CallJudgement } from './calls.ts';
import { isStateful } from './names.ts';

/**
 * What an allowed name is used for. Estimators, layers and distributions are made by `__new__` and given a state; called
 * like a function they open the path, run the text or call the function they are given.
 */
export function judgeUse(name: string, { via, args, kwargs }: PickleCall): CallJudgement {
  if (via === 'NEWOBJ' || via === 'NEWOBJ_EX' || !isStateful(name)) return null;
  const acted = [...args, kwargs].find(isActedOn);
  if (acted === undefined) return null;
  return {
    rule: 'WM-PICKLE-022',
    severity: 'high',
    message: `loading calls ${name} with ${shown(acted)}; its own pickles only give it a state`,
  };
}

function isActedOn(value: PickleValue): boolean {
  if (typeof value === 'string') return true;
  return isNode(value) && (value.kind === 'dict' || value.kind === 'global' || (value.kind === 'bytes' && value.text));
}

function shown(value: PickleValue): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  return isNode(value) && value.kind === 'global' ? `${value.module}.${value.name}` : 'settings';
}

/** State that its library gives to `exec`: SciPy's distributions, and the names it puts into that text. */
export const RUN_TEXTS: ReadonlySet<string> = new Set(['_parse_arg_template', 'shapes']);

const PARAMETERS = String.raw`(?:[A-Za-z_]\w*(?:\s*=\s*(?:0|1|None|'mv'))?,?\s*)*`;
const VALUES = String.raw`\(?(?:[A-Za-z_]\w*,?\s*)*\)?(?:,?\s*(?:loc|scale|0|1|moments|size=size),?)*`;
/** What SciPy itself writes there: three functions that hand their arguments on. @see scipy/stats/_distn_infrastructure.py */
const OWN_TEMPLATE = new RegExp(
  String.raw`^\s*(?:def _parse_args(?:_rvs|_stats)?\(${PARAMETERS}\):\s+return (?:self\._argcheck_rvs\(${VALUES}\)|${VALUES})\s*)+$`,
);

/** Text that will be run must be the library's own. */
export function judgeRunText(
  spot: Spot,
  { key, value, offset }: { key: string; value: PickleValue; offset: number },
): void {
  if (value === null || (typeof value === 'string' && value.length < 4000 && isOwn(key, value))) return;
  if (key === 'shapes' && typeof value !== 'string') return;
  report(spot, 'WM-PICKLE-022', `the state ${key} is text that its library runs, and not the library's own`, {
    offset,
  });
}

/** State whose keys cannot be read cannot be held to what the library writes. */
export function judgeState(spot: Spot, target: PickleObject, state: PickleValue): void {
  const named = [target.callee, target.args[0]].map((value) => globalName(value));
  if (!named.some((name) => name?.startsWith('scipy.stats.'))) return;
  if (!isNode(state) || (state.kind === 'dict' && !state.computed)) return;
  report(
    spot,
    'WM-PICKLE-022',
    'the state of a distribution has keys that are computed, and its library runs text of it',
    { offset: target.offset },
  );
}

function isOwn(key: string, text: string): boolean {
  return key === 'shapes' ? /^[\w\s,]*$/.test(text) : OWN_TEMPLATE.test(text);
}
