import type { By, Env, Say, Target, Thing, World } from './world.ts';

/** Who may say what, of what it is, and what was taken back since. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  publisher: ['preprocess', 'describe', 'bom'],
  trainer: ['train', 'fine-tune', 'quantize', 'bom'],
  evaluator: ['evaluate'],
  approver: ['approve'],
  promoter: ['promote'],
  revoker: ['revoke', 'reinstate'],
};

/** A statement that names two things is about neither; a manifest is no file. The thing that is asked about is at hand: both do. */
export function isAbout(w: World, say: Say, key: string, by: By | 'asked'): boolean {
  if (say.also || say.about !== key) return false;
  return by === 'asked' ? say.as !== 'file' || thing(w, key).single : oneId(say.as) === oneId(by);
}

/** Both ids mean the same. */
export function oneId(by: By): By {
  return by === 'id2' ? 'id' : by;
}

export function isNamed({ policy }: World, by: string): boolean {
  return policy.people.includes(by) || policy.former.some(({ person }) => person === by);
}

/** In which roles somebody may say no so: held now or, unless it is later, then. */
export function noRoles(w: World, say: Say, name: string): readonly string[] {
  const then = w.policy.former.filter(({ person, until }) => person === say.by && (say.at === null || say.at <= until));
  const could = Object.keys(MAY).filter((role) => MAY[role]?.includes(say.what.kind));
  return [
    ...rolesOf(w, { ...say, state: 'fine' }, name),
    ...then.flatMap(({ roles }) => could.filter((role) => roles?.includes(role) ?? true)),
  ];
}

export function rolesOf(
  w: World,
  { by, what, state }: Pick<Say, 'by' | 'what' | 'state'>,
  name: string,
): readonly string[] {
  if (state !== 'fine') return [];
  return Object.entries(w.policy.roles)
    .filter(
      ([role, { people, names }]) =>
        people.includes(by) && MAY[role]?.includes(what.kind) && (names?.includes(name) ?? true),
    )
    .map(([role]) => role);
}

/** By named people, there, and not taken back. */
export function standing(w: World, env: Env): readonly Say[] {
  return w.says.filter((say) => isHere(w, say) && !isTakenBack(w, env, say));
}

export function isHere(w: World, say: Say): boolean {
  return !say.lost && !isUnheard(say) && isNamed(w, say.by);
}

export function isUnheard({ state }: Say): boolean {
  return state === 'unread' || state === 'unproven';
}

/** Of one signature, however often it was wrapped: the earliest time anybody gives it. */
export function earliest(w: World, { content, by }: Say): number | null {
  const times = w.says.flatMap((say) =>
    say.content === content && say.by === by && isHere(w, say) ? (say.at ?? []) : [],
  );
  return times.length === 0 ? null : Math.min(...times);
}

export function thing(w: World, key: string): Thing {
  const found = w.things.find((each) => each.key === key);
  if (found === undefined) throw new Error(`no thing ${key}`);
  return found;
}

export function saysNo({ what }: Pick<Say, 'what'>): boolean {
  return what.kind === 'revoke' || ((what.kind === 'promote' || what.kind === 'evaluate') && !what.passed);
}

/** A no by whoever may say it, until it is taken back by name: that its speaker was lost since leaves it open, and open is no yes. */
export function holdsAsNo(w: World, env: Env, say: Say): boolean {
  return (
    isHere(w, say) && noRoles(w, say, w.name).length > 0 && !isTakenBackByName(inForce(w, env), say, env.reinstate)
  );
}

/** Of whom it may be by nobody knows that they could not say no so. */
export function mightSayNo(w: World, { what, by, state }: Say): boolean {
  if (!isNamed(w, by) || (state === 'unproven' && !saysNo({ what }))) return false;
  if (w.policy.former.some(({ person }) => person === by)) return true;
  if ('target' in what && (state === 'unread' || what.target.kind === 'content')) return true;
  return rolesOf(w, { by, what, state: 'fine' }, w.name).length > 0;
}

export function isLifted(w: World, env: Env, { content }: Say): boolean {
  return (inForce(w, env).entries.get(`content ${content}`)?.lifters.size ?? 0) > 0;
}

/** As something is named somewhere. */
export interface Place {
  readonly key: string;
  readonly by: By;
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
export function inForceNow(w: World, env: Env): Words {
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
export function isTakenBackByName({ entries }: Words, say: Say, reinstate: number): boolean {
  const all = entries.get(`content ${say.content}`);
  const own = entries.get(`content ${say.content} by ${say.by}`);
  if (!saysNo(say)) return all !== undefined || own !== undefined;
  const enough = say.what.kind === 'revoke' ? reinstate : 1;
  return (all?.lifters.size ?? 0) >= enough || (enough === 1 && own !== undefined && own.lifters.size > 0);
}

export function keyOf(target: Target): string {
  if (target.kind === 'thing') return `thing ${target.thing} ${target.by}`;
  return target.kind === 'content' ? `content ${target.content}` : `person ${target.person}`;
}

/** Unless somebody shows that it is older than the loss. */
function isLostBefore({ entries }: Words, { by }: Say, at: number | null): boolean {
  const lost = entries.get(`person ${by}`);
  return lost !== undefined && !(at !== null && at < lost.since);
}

export function isTakenBack(w: World, env: Env, say: Say): boolean {
  const words = inForce(w, env);
  const at = say.what.kind === 'promote' ? say.at : earliest(w, say);
  return isTakenBackByName(words, say, env.reinstate) || isLostBefore(words, say, at);
}

/** Does a lost revoker's word touch anything that this rests on, and nobody of today took it back? */
export function isInDoubt(w: World, env: Env, places: readonly Place[]): boolean {
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
export function isRevoked(w: World, env: Env, key: string, by: By): boolean {
  const { entries } = inForce(w, env);
  return (['id', 'id2', 'root', 'file'] as const).some(
    (each) => isSame(w, key, by, key, each) && entries.has(`thing ${key} ${each}`),
  );
}

function isSame(w: World, key: string, by: By, other: string, otherBy: By): boolean {
  const names: readonly By[] = thing(w, key).single ? ['id', 'id2', 'root', 'file'] : ['id', 'id2', 'root'];
  return key === other && (by === otherBy || (names.includes(by) && names.includes(otherBy)));
}
