import {
  earliest,
  holdsAsNo,
  inForceNow,
  isAbout,
  isHere,
  isInDoubt,
  isLifted,
  isNamed,
  isRevoked,
  isTakenBack,
  isTakenBackByName,
  isUnheard,
  keyOf,
  mightSayNo,
  noRoles,
  oneId,
  rolesOf,
  saysNo,
  standing,
  thing,
  type Place,
} from './words.ts';
import type { By, Env, Input, Say, World } from './world.ts';

/**
 * The rules of the gate (DESIGN 4.6, 8 and 9; docs/policy.md), written down once more and from them alone: no line of `src` is
 * used, nothing is fast, nothing is clever. It says yes or no; the gate must say the same of every world.
 */

const SKEW = 60_000;
const STEPS = ['train', 'fine-tune', 'quantize', 'preprocess'];
const MODEL_STEPS = ['train', 'fine-tune', 'quantize'];

const NEEDED: Readonly<Record<string, readonly string[]>> = {
  train: ['dataset'],
  'fine-tune': ['base-model', 'dataset'],
  quantize: ['base-model'],
  preprocess: ['dataset'],
};

/** May what is asked about enter the environment? */
export function mayEnter(w: World, env: Env): boolean {
  const line = lineageOf(w, env);
  if (line === null || w.policy.expires <= w.now || clockIsBehind(w)) return false;
  const { acts, places } = line;
  const own = standing(w, env).filter((say) => isAbout(w, say, w.asked, 'asked'));
  const by = (kind: string) => own.filter((say) => say.what.kind === kind && rolesOf(w, say, w.name).length > 0);
  if (env.require.some((kind) => by(kind).length === 0)) return false;
  if (w.says.some((say) => isFailed(say) && isAbout(w, say, w.asked, 'asked') && holdsAsNo(w, env, say))) return false;
  if (isInDoubt(w, env, places)) return false;
  const makers = acts.filter(({ made }) => made).map(({ person }) => person);
  const approvals = by('approve').filter(
    (say) =>
      say.what.kind === 'approve' &&
      say.what.env === env.name &&
      say.about === w.asked &&
      thing(w, say.about).name === w.name &&
      isFresh(w, earliest(w, say), env.approvalAge) &&
      !makers.includes(say.by),
  );
  if (env.approvals > 0 && new Set(approvals.map((say) => say.by)).size < env.approvals) return false;
  const counted = env.approvals > 0 ? approvals : [];
  const all = [
    ...acts,
    ...[...counted, ...own.filter((say) => env.require.some((kind) => kind === say.what.kind))].flatMap((say) =>
      rolesOf(w, say, w.name).map((role) => ({ person: say.by, role, made: false })),
    ),
  ];
  if (env.separation.some((apart) => w.policy.people.some((person) => rolesIn(all, apart, person) > 1))) return false;
  const before = w.policy.envs.find(({ name }) => name === env.after);
  if (isSilenced(w, env) || isOrphaned(w, env)) return false;
  return env.after === null || (before !== undefined && isPromoted(w, before, env, true));
}

/** A promotion that states a time further ahead than this does not count. */
const DAY = 24 * 3600 * 1000;

/**
 * Is it what is promoted there now, and still? `asking`: the environment whose rules about revocations are asked; `lasting`: so
 * that it may go on from there.
 */
export function isPromoted(w: World, env: Env, asking = env, lasting = false): boolean {
  const entries = w.says
    .filter(({ log, what }) => log !== null && what.kind === 'promote' && what.env === env.name)
    .toSorted((a, b) => (b.log ?? 0) - (a.log ?? 0));
  const counting: Say[] = [];
  for (const say of entries) {
    if (!isNamed(w, say.by)) continue;
    // Neither what is newest nor what it goes on from is known where an entry is gone.
    if (say.lost && counting.length < 2) return false;
    if (say.lost) continue;
    if (isUnheard(say) && counting.length === 0 && mightSayNo(w, say) && !isLifted(w, asking, say)) return false;
    if (isUnheard(say)) continue;
    if (say.state === 'lapsed' && !saysNo(say)) {
      if (counting.length === 0 && say.about === w.asked && noRoles(w, say, w.name).includes('promoter')) return false;
      continue;
    }
    const isPromoter = (saysNo(say) ? noRoles : rolesOf)(w, say, w.name).includes('promoter');
    if (isPromoter && saysNo(say) && !holdsAsNo(w, asking, say)) continue;
    if (isPromoter && !say.also && thing(w, say.about).name === w.name) counting.push(say);
  }
  const [newest, before] = counting;
  if (newest === undefined || newest.what.kind !== 'promote') return false;
  if (before !== undefined && !newest.what.knows.includes(before.bundle)) return false;
  if ((newest.at ?? w.now) > w.now + DAY) return false;
  if (!newest.what.passed || newest.about !== w.asked || !fits(w, newest.what.policy, lasting)) return false;
  return !isTakenBack(w, asking, newest) && isFresh(w, newest.at, env.age);
}

function fits({ policy, now }: World, version: number, lasting: boolean): boolean {
  if (version === policy.version || policy.sameAs.includes(version)) return true;
  const { accepts } = policy;
  const left = accepts === null ? 0 : accepts.until - now;
  return !lasting && accepts?.version === version && left > 0 && left <= 30 * DAY;
}

interface Act {
  readonly person: string;
  readonly role: string;
  readonly made: boolean;
}

interface Line {
  readonly acts: readonly Act[];
  /** Everything it rests on, as it is named there. */
  readonly places: readonly Place[];
}

/** Who acted along it, and over what it leads; null if anything is wrong with it. */
function lineageOf(w: World, env: Env): Line | null {
  const acts: Act[] = [];
  const places: Place[] = [];
  const deepest = new Map<string, number>();
  let isRight = true;
  const look = (key: string, named: By | 'asked') => {
    const by = named === 'asked' ? named : oneId(named);
    const about = standing(w, env).filter((say) => isAbout(w, say, key, by));
    const name = by === 'asked' ? w.name : thing(w, key).name;
    const mine = about.filter((say) => rolesOf(w, say, name).length > 0);
    const described = mine.filter(
      ({ what, by: person }) =>
        (what.kind === 'describe' || (what.kind === 'bom' && what.component === 'data')) &&
        rolesOf(w, { by: person, what, state: 'fine' }, name).includes('publisher'),
    );
    return {
      about,
      name,
      mine,
      described,
      steps: mine.filter(({ what }) => STEPS.includes(what.kind)),
      isModel: mine.some(
        ({ what }) => MODEL_STEPS.includes(what.kind) || (what.kind === 'bom' && what.component === 'model'),
      ),
    };
  };
  const act = ({ mine, name }: ReturnType<typeof look>) => {
    for (const say of mine.filter(({ what }) => [...STEPS, 'describe', 'bom', 'evaluate'].includes(what.kind)))
      for (const role of rolesOf(w, say, name)) acts.push({ person: say.by, role, made: say.what.kind !== 'evaluate' });
  };
  /** Longest way down, in steps. */
  const visit = (key: string, by: By | 'asked', path: readonly string[]): number => {
    const place = `${key} ${by === 'asked' ? 'id' : oneId(by)}`;
    if (path.includes(place)) isRight = false;
    places.push({ key, by: by === 'asked' ? 'id' : by });
    const known = deepest.get(place);
    if (known !== undefined || path.includes(place)) return known ?? 0;
    const found = look(key, by);
    if (isRevoked(w, env, key, by === 'asked' ? 'id' : by)) isRight = false;
    act(found);
    const [step] = found.steps;
    if (new Set(found.steps.map(storyOf)).size > 1) isRight = false;
    const inputs = step === undefined ? [] : inputsOf(step);
    if (
      step !== undefined &&
      !(NEEDED[step.what.kind] ?? []).every((role) => inputs.some((input) => input.role === role))
    )
      isRight = false;
    const ages = found.steps.flatMap((say) => earliest(w, say) ?? []);
    if (step !== undefined && env.lineage.age !== null && !(w.now - Math.max(...ages, -Infinity) <= env.lineage.age))
      isRight = false;
    let depth = 0;
    for (const input of inputs) {
      places.push({ key: input.thing, by: input.by });
      const place0 = input.thing === w.asked && oneId(input.by) === 'id' ? 'asked' : input.by;
      const used = look(input.thing, place0);
      const existed = (used.steps.length > 0 ? used.steps : used.described).flatMap((say) => earliest(w, say) ?? []);
      if (found.steps.some((say) => Math.min(...existed) > (earliest(w, say) ?? Infinity) + SKEW && existed.length > 0))
        isRight = false;
      if (isRevoked(w, env, input.thing, input.by)) isRight = false;
      else if (isLeaf(w, input.thing, input.by, input.role)) continue;
      // Whoever prepares datasets says nothing of how a model came to be.
      else if (input.role === 'base-model' && used.steps[0]?.what.kind === 'preprocess') isRight = false;
      else if (used.steps.length > 0) depth = Math.max(depth, 1 + visit(input.thing, place0, [...path, place]));
      else if (input.role === 'dataset' && used.described.length > 0) act(used);
      else if (input.role !== 'code') isRight = false;
    }
    deepest.set(place, depth);
    return depth;
  };
  if (visit(w.asked, 'asked', []) > env.lineage.depth) isRight = false;
  const root = look(w.asked, 'asked');
  const isLeafHere = ['base-model', 'adapter', ...(root.isModel ? [] : ['dataset'])].some((role) =>
    isLeaf(w, w.asked, 'id', role),
  );
  const rests =
    isLeafHere ||
    root.steps.some(({ what }) => !root.isModel || what.kind !== 'preprocess') ||
    (!root.isModel && root.described.length > 0);
  return isRight && (rests || !env.lineage.required) ? { acts, places } : null;
}

/** The same step of the same things for the same purposes. */
function storyOf(say: Say): string {
  const inputs = inputsOf(say).map((input) => `${input.role} ${input.thing} ${oneId(input.by)}`);
  return [say.what.kind, ...inputs.toSorted()].join('; ');
}

function inputsOf({ what }: Say): readonly Input[] {
  return 'inputs' in what ? what.inputs : [];
}

function isLeaf(w: World, key: string, by: By, role: string | null): boolean {
  return w.policy.leaves.some(
    (leaf) => leaf.thing === key && oneId(leaf.by) === oneId(by) && leaf.role === role && leaf.expires > w.now,
  );
}

function rolesIn(acts: readonly Act[], apart: readonly string[], person: string): number {
  return new Set(acts.filter((each) => each.person === person && apart.includes(each.role)).map(({ role }) => role))
    .size;
}

function isFresh(w: World, at: number | null, age: number | null): boolean {
  return age === null || (at !== null && w.now - at <= age);
}

function clockIsBehind(w: World): boolean {
  return w.says.some((say) => isHere(w, say) && (say.at ?? 0) > w.now + SKEW);
}

function isFailed({ what }: Say): boolean {
  return what.kind === 'evaluate' && !what.passed;
}

/** A no that counted, or was open, under the policy before, and that nobody hears any more, confirmed or took back since. */
function isOrphaned(w: World, env: Env): boolean {
  if (w.policy.before === null) return false;
  const before: World = { ...w, policy: { ...w.policy, ...w.policy.before, former: [] } };
  const reinstate = Math.max(...w.policy.envs.map((each) => each.reinstate));
  const [then, now] = [inForceNow(before, { ...env, reinstate }), inForceNow(w, { ...env, reinstate })];
  const isHeard = (under: World, say: Say): boolean => {
    const roles = isHere(under, say) ? noRoles(under, say, thing(w, say.about).name) : [];
    return say.what.kind === 'revoke' ? roles.includes('revoker') : roles.length > 0;
  };
  return w.says.some((say) => {
    const { what } = say;
    if (!saysNo(say) || !isHeard(before, say) || isHeard(w, say)) return false;
    if (isTakenBackByName(then, say, reinstate) || isTakenBackByName(now, say, reinstate)) return false;
    if ('target' in what) {
      const key = keyOf(what.target);
      const counted = then.entries.has(key) || then.doubts.get(key)?.say === say;
      return counted && !now.entries.has(key) && !now.undone.has(key);
    }
    if (what.kind === 'evaluate')
      return (
        say.about === w.asked &&
        isAbout(w, { ...say, also: false }, w.asked, 'asked') &&
        !now.entries.has(`thing ${w.asked} ${say.as}`)
      );
    if (what.kind !== 'promote' || what.env !== env.name || say.log === null) return false;
    return !w.says.some(
      (other) =>
        other.what.kind === 'promote' &&
        other.what.env === env.name &&
        (other.log ?? 0) > (say.log ?? 0) &&
        isHere(w, other) &&
        rolesOf(w, other, w.name).includes('promoter'),
    );
  });
}

/** A revocation that the log has and nobody here can read, or that is gone: it might revoke anything. */
function isSilenced(w: World, env: Env): boolean {
  return w.says.some(
    (say) =>
      'target' in say.what &&
      isNamed(w, say.by) &&
      (say.lost || (isUnheard(say) && mightSayNo(w, say) && !isLifted(w, env, say))),
  );
}
