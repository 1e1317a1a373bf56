/**
 * The rules of the gate (DESIGN 4.6, 8 and 9; docs/policy.md), written down once more and from them alone: no line of `src` is
 * used, nothing is fast, nothing is clever. It says yes or no; the gate must say the same of every world.
 */

/** A model or dataset. Known by its id, by its root, and if it is a single file by that file's digest. */
export interface Thing {
  readonly key: string;
  readonly name: string;
  readonly single: boolean;
}

/** How somebody named a thing: by either of its ids, the digest of one file in it, or its root. */
export type By = 'id' | 'id2' | 'file' | 'root';

export interface Input {
  readonly thing: string;
  readonly by: By;
  readonly role: 'dataset' | 'base-model' | 'code' | null;
}

export type Target =
  | { readonly kind: 'thing'; readonly thing: string; readonly by: By }
  | { readonly kind: 'content'; readonly content: string }
  | { readonly kind: 'person'; readonly person: string; readonly since: number };

export type What =
  | { readonly kind: 'train' | 'fine-tune' | 'quantize' | 'preprocess'; readonly inputs: readonly Input[] }
  | { readonly kind: 'describe' }
  | { readonly kind: 'bom'; readonly component: 'data' | 'model' }
  | { readonly kind: 'evaluate'; readonly passed: boolean }
  | { readonly kind: 'approve'; readonly env: string }
  | {
      readonly kind: 'promote';
      readonly env: string;
      readonly passed: boolean;
      readonly policy: number;
      /** Bundles it rests on. */
      readonly knows: readonly string[];
    }
  | { readonly kind: 'revoke' | 'reinstate'; readonly target: Target };

/** One signature over one statement. */
export interface Say {
  /** Of the bundle: no two have the same. */
  readonly bundle: string;
  /** Of what was signed: the same for copies and for others who sign the same. */
  readonly content: string;
  readonly by: string;
  readonly about: string;
  /** By which digest the statement names what it is about; a root alone binds nothing. */
  readonly as: 'id' | 'id2' | 'file';
  /**
   * `lapsed`: their certificate expired, so that it says no and never yes. Logged and `unread`: theirs, and not understood;
   * `unproven`: it says that it is theirs, and nothing here proves it.
   */
  readonly state: 'fine' | 'lapsed' | 'unread' | 'unproven';
  /** It names something else as well. */
  readonly also: boolean;
  /** Verified time, in milliseconds. */
  readonly at: number | null;
  readonly log: number | null;
  /** Logged, but the registry does not hold it. */
  readonly lost: boolean;
  readonly what: What;
}

export interface Env {
  readonly name: string;
  readonly after: string | null;
  readonly require: readonly ('bom' | 'evaluate')[];
  readonly approvals: number;
  readonly approvalAge: number | null;
  readonly separation: readonly (readonly string[])[];
  readonly lineage: { readonly required: boolean; readonly depth: number; readonly age: number | null };
  readonly age: number | null;
  readonly reinstate: number;
}

export interface World {
  readonly now: number;
  /** What is asked about: thing and name. */
  readonly asked: string;
  readonly askedAs: 'id' | 'id2';
  readonly name: string;
  readonly things: readonly Thing[];
  readonly says: readonly Say[];
  readonly policy: {
    readonly version: number;
    /** Versions that ask for the same in other words, as the registry shows. */
    readonly sameAs: readonly number[];
    /** A version whose promotions count for a while where they are. */
    readonly accepts: { readonly version: number; readonly until: number } | null;
    readonly expires: number;
    readonly people: readonly string[];
    /** Who said no once and is heard on; null: in every role. */
    readonly former: readonly {
      readonly person: string;
      readonly until: number;
      readonly roles: readonly string[] | null;
    }[];
    /** Role → people, and the names it is for; null: all. */
    readonly roles: Readonly<
      Record<string, { readonly people: readonly string[]; readonly names: readonly string[] | null }>
    >;
    /** Who was there, and in which roles, under the policy before; null: there is none that is known. */
    readonly before: Pick<World['policy'], 'people' | 'roles'> | null;
    readonly leaves: readonly {
      readonly thing: string;
      readonly by: By;
      readonly role: string;
      readonly expires: number;
    }[];
    readonly envs: readonly Env[];
  };
}

const SKEW = 60_000;
const STEPS = ['train', 'fine-tune', 'quantize', 'preprocess'];
const MODEL_STEPS = ['train', 'fine-tune', 'quantize'];
const MAY: Readonly<Record<string, readonly string[]>> = {
  publisher: ['preprocess', 'describe', 'bom'],
  trainer: ['train', 'fine-tune', 'quantize', 'bom'],
  evaluator: ['evaluate'],
  approver: ['approve'],
  promoter: ['promote'],
  revoker: ['revoke', 'reinstate'],
};
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
    if (say.lost && counting.length === 0) return false;
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
  readonly places: readonly { readonly key: string; readonly by: By }[];
}

/** Who acted along it, and over what it leads; null if anything is wrong with it. */
function lineageOf(w: World, env: Env): Line | null {
  const acts: Act[] = [];
  const places: { readonly key: string; readonly by: By }[] = [];
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
  const rests = root.steps.length > 0 || isLeafHere || (!root.isModel && root.described.length > 0);
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

/** A statement that names two things is about neither; a manifest is no file. The thing that is asked about is at hand: both do. */
function isAbout(w: World, say: Say, key: string, by: By | 'asked'): boolean {
  if (say.also || say.about !== key) return false;
  return by === 'asked' ? say.as !== 'file' || thing(w, key).single : oneId(say.as) === oneId(by);
}

/** Both ids mean the same. */
function oneId(by: By): By {
  return by === 'id2' ? 'id' : by;
}

function isNamed({ policy }: World, by: string): boolean {
  return policy.people.includes(by) || policy.former.some(({ person }) => person === by);
}

/** In which roles somebody may say no so: held now or, unless it is later, then. */
function noRoles(w: World, say: Say, name: string): readonly string[] {
  const then = w.policy.former.filter(({ person, until }) => person === say.by && (say.at === null || say.at <= until));
  const could = Object.keys(MAY).filter((role) => MAY[role]?.includes(say.what.kind));
  return [
    ...rolesOf(w, { ...say, state: 'fine' }, name),
    ...then.flatMap(({ roles }) => could.filter((role) => roles?.includes(role) ?? true)),
  ];
}

function rolesOf(w: World, { by, what, state }: Pick<Say, 'by' | 'what' | 'state'>, name: string): readonly string[] {
  if (state !== 'fine') return [];
  return Object.entries(w.policy.roles)
    .filter(
      ([role, { people, names }]) =>
        people.includes(by) && MAY[role]?.includes(what.kind) && (names?.includes(name) ?? true),
    )
    .map(([role]) => role);
}

function rolesIn(acts: readonly Act[], apart: readonly string[], person: string): number {
  return new Set(acts.filter((each) => each.person === person && apart.includes(each.role)).map(({ role }) => role))
    .size;
}

/** By named people, there, and not taken back. */
function standing(w: World, env: Env): readonly Say[] {
  return w.says.filter((say) => isHere(w, say) && !isTakenBack(w, env, say));
}

function isHere(w: World, say: Say): boolean {
  return !say.lost && !isUnheard(say) && isNamed(w, say.by);
}

function isUnheard({ state }: Say): boolean {
  return state === 'unread' || state === 'unproven';
}

/** Of one signature, however often it was wrapped: the earliest time anybody gives it. */
function earliest(w: World, { content, by }: Say): number | null {
  const times = w.says.flatMap((say) =>
    say.content === content && say.by === by && isHere(w, say) ? (say.at ?? []) : [],
  );
  return times.length === 0 ? null : Math.min(...times);
}

function isFresh(w: World, at: number | null, age: number | null): boolean {
  return age === null || (at !== null && w.now - at <= age);
}

function clockIsBehind(w: World): boolean {
  return w.says.some((say) => isHere(w, say) && (say.at ?? 0) > w.now + SKEW);
}

function thing(w: World, key: string): Thing {
  const found = w.things.find((each) => each.key === key);
  if (found === undefined) throw new Error(`no thing ${key}`);
  return found;
}

function saysNo({ what }: Pick<Say, 'what'>): boolean {
  return what.kind === 'revoke' || ((what.kind === 'promote' || what.kind === 'evaluate') && !what.passed);
}

function isFailed({ what }: Say): boolean {
  return what.kind === 'evaluate' && !what.passed;
}

/** A no by whoever may say it, until it is taken back by name: that its speaker was lost since leaves it open, and open is no yes. */
function holdsAsNo(w: World, env: Env, say: Say): boolean {
  return (
    isHere(w, say) && noRoles(w, say, w.name).length > 0 && !isTakenBackByName(inForce(w, env), say, env.reinstate)
  );
}

/** Of whom it may be by nobody knows that they could not say no so. */
function mightSayNo(w: World, { what, by, state }: Say): boolean {
  if (!isNamed(w, by) || (state === 'unproven' && !saysNo({ what }))) return false;
  if (w.policy.former.some(({ person }) => person === by)) return true;
  if ('target' in what && (state === 'unread' || what.target.kind === 'content')) return true;
  return rolesOf(w, { by, what, state: 'fine' }, w.name).length > 0;
}

function isLifted(w: World, env: Env, { content }: Say): boolean {
  return (inForce(w, env).entries.get(`content ${content}`)?.lifters.size ?? 0) > 0;
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
      return say.about === w.asked && isAbout(w, { ...say, also: false }, w.asked, 'asked') && !now.entries.has(`thing ${w.asked} ${say.as}`);
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

interface Word {
  readonly since: number;
  /** Who said so in the log and as one whose yes counts. */
  readonly lifters: ReadonlySet<string>;
}

interface Words {
  readonly entries: Map<string, Word>;
  /** Revocations by revokers who were lost, by key; nobody can tell whether they were lost before. */
  readonly doubts: Map<string, { readonly say: Say; readonly target: Target }>;
  /** What was let count again. */
  readonly undone: Set<string>;
}

/** Asked of every statement of a world; every world has environments of its own. */
const KNOWN = new WeakMap<Env, Words>();

function inForce(w: World, env: Env): Words {
  const known = KNOWN.get(env) ?? inForceNow(w, env);
  KNOWN.set(env, known);
  return known;
}

/** Revocations in the order of the log; what was never logged comes last, and only takes away. */
function inForceNow(w: World, env: Env): Words {
  const words: Words = { entries: new Map(), doubts: new Map(), undone: new Set() };
  const { entries, doubts } = words;
  const undoing = new Map<string, Set<string>>();
  const said = w.says
    .filter((say) => 'target' in say.what && isHere(w, say))
    .toSorted((a, b) => (a.log ?? Infinity) - (b.log ?? Infinity));
  for (const say of said) {
    if (!('target' in say.what) || isTakenBackByName(words, say, env.reinstate)) continue;
    const { target, kind } = say.what;
    const isLost = isLostBefore(words, say, say.at);
    const saysYes = say.log !== null && !isLost && say.state === 'fine' && w.policy.people.includes(say.by);
    const may = kind === 'revoke' ? noRoles : rolesOf;
    const isRevoker = may(w, say, thing(w, say.about).name).includes('revoker');
    if (!isRevoker && !(kind === 'revoke' && target.kind === 'content')) continue;
    const key = keyOf(target) + (isRevoker ? '' : ` by ${say.by}`);
    if (isLost && kind === 'revoke' && isRevoker) doubts.set(key, { say, target });
    if (isLost) continue;
    if (kind === 'revoke') {
      undoing.delete(key);
      doubts.delete(key);
      const before = entries.get(key);
      const since = Math.min('since' in target ? target.since : 0, before?.since ?? Infinity);
      entries.set(key, { since, lifters: new Set([...(before?.lifters ?? []), ...(saysYes ? [say.by] : [])]) });
    } else if (saysYes) {
      const people = (undoing.get(key) ?? new Set()).add(say.by);
      undoing.set(key, people);
      if (people.size < env.reinstate) continue;
      for (const each of [entries, undoing, doubts]) each.delete(key);
      words.undone.add(key);
    }
  }
  return words;
}

/** A yes falls by anybody's word that counts as a no; a no only by what counts as a yes: a revocation by as many as undo it. */
function isTakenBackByName({ entries }: Words, say: Say, reinstate: number): boolean {
  const all = entries.get(`content ${say.content}`);
  const own = entries.get(`content ${say.content} by ${say.by}`);
  if (!saysNo(say)) return all !== undefined || own !== undefined;
  const enough = say.what.kind === 'revoke' ? reinstate : 1;
  return (all?.lifters.size ?? 0) >= enough || (enough === 1 && own !== undefined && own.lifters.size > 0);
}

function keyOf(target: Target): string {
  if (target.kind === 'thing') return `thing ${target.thing} ${target.by}`;
  return target.kind === 'content' ? `content ${target.content}` : `person ${target.person}`;
}

/** Unless somebody shows that it is older than the loss. */
function isLostBefore({ entries }: Words, { by }: Say, at: number | null): boolean {
  const lost = entries.get(`person ${by}`);
  return lost !== undefined && !(at !== null && at < lost.since);
}

function isTakenBack(w: World, env: Env, say: Say): boolean {
  const words = inForce(w, env);
  const at = say.what.kind === 'promote' ? say.at : earliest(w, say);
  return isTakenBackByName(words, say, env.reinstate) || isLostBefore(words, say, at);
}

/** Does a lost revoker's word touch anything that this rests on, and nobody of today took it back? */
function isInDoubt(w: World, env: Env, places: Line['places']): boolean {
  const { doubts } = inForce(w, env);
  return [...doubts.values()].some(({ say, target }) => {
    if (isLifted(w, env, say)) return false;
    if (target.kind === 'thing') return places.some((each) => isSame(w, target.thing, target.by, each.key, each.by));
    return w.says.some(
      (each) =>
        isHere(w, each) && (target.kind === 'content' ? each.content === target.content : each.by === target.person),
    );
  });
}

/** A revocation reaches whoever names the thing by its id, its root, or its only file; never by one file of several. */
function isRevoked(w: World, env: Env, key: string, by: By): boolean {
  const { entries } = inForce(w, env);
  return (['id', 'id2', 'root', 'file'] as const).some(
    (each) => isSame(w, key, by, key, each) && entries.has(`thing ${key} ${each}`),
  );
}

function isSame(w: World, key: string, by: By, other: string, otherBy: By): boolean {
  const names: readonly By[] = thing(w, key).single ? ['id', 'id2', 'root', 'file'] : ['id', 'id2', 'root'];
  return key === other && (by === otherBy || (names.includes(by) && names.includes(otherBy)));
}
