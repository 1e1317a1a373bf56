import { diceOf, type Dice } from './dice.ts';
import { DAY, NOW, ALL, ROLES, THINGS, honestWorld, say } from './honest.ts';
import type { By, Input, Say, Target, What, World } from './world.ts';

/** Random worlds by number: the same seed is the same world, everywhere. */
export function randomWorld(seed: number): World {
  const dice = diceOf(seed);
  let world = honestWorld(dice);
  for (let left = dice.below(9); left > 0; left -= 1) world = dice.pick(CHANGES)(world, dice);
  return { ...world, says: dice.shuffled(world.says) };
}

function added(w: World, more: Say, dice: Dice): World {
  const bundle = `n${w.says.length} ${dice.below(1e9)}`;
  const log = more.log === null ? null : 1 + Math.max(200, ...w.says.map((each) => each.log ?? 0));
  return { ...w, says: [...w.says, { ...more, bundle, log }] };
}

function changed(w: World, dice: Dice, change: (each: Say) => Say): World {
  const at = dice.below(w.says.length);
  return { ...w, says: w.says.map((each, index) => (index === at ? change(each) : each)) };
}

type Change = (w: World, dice: Dice) => World;

/** What is changed of what is signed makes other content, unless only the signature is another. */
function rewritten(each: Say, over: Partial<Say>): Say {
  const next = { ...each, ...over };
  const { what, about, as, also } = next;
  return { ...next, content: `${what.kind} ${about} ${as} ${also} ${JSON.stringify(what)}` };
}

const withdrawn: Change = (w, dice) => {
  const { env } = { env: dice.pick(['staging', 'prod']) };
  const before = w.says
    .filter(({ what }) => what.kind === 'promote' && what.env === env)
    .toSorted((a, b) => (b.log ?? 0) - (a.log ?? 0));
  const knows = dice.chance(80) ? before.slice(0, 1).map(({ bundle }) => bundle) : [];
  const what: What = { kind: 'promote', env, passed: dice.chance(40), policy: dice.pick([3, 2]), knows };
  const by = dice.chance(70) ? 'ci' : dice.pick(ALL);
  const about = dice.pick(['model', 'model', 'tuned']);
  return added(
    w,
    say(by, about, dice.below(40), what, { log: 0, lost: dice.chance(15), content: `promote ${w.says.length}` }),
    dice,
  );
};

const revoked: Change = (w, dice) => {
  const kind = dice.chance(75) ? 'revoke' : 'reinstate';
  const what: What = { kind, target: targetIn(w, dice) };
  const by = dice.chance(75) ? dice.pick(['rita', 'rob']) : dice.pick(ALL);
  return added(w, say(by, 'model', dice.below(6), what, { log: 0, lost: dice.chance(3) }), dice);
};

function targetIn(w: World, dice: Dice): Target {
  const again = w.says
    .filter(({ what }) => 'target' in what)
    .map(({ what }) => ('target' in what ? what.target : null));
  const known = again.filter((each) => each !== null);
  if (known.length > 0 && dice.chance(50)) return dice.pick(known);
  if (dice.chance(40))
    return { kind: 'thing', thing: dice.pick(THINGS).key, by: dice.pick<By>(['id', 'id2', 'file', 'root']) };
  const noes = w.says.filter(saysNo);
  if (noes.length > 0 && dice.chance(40)) return { kind: 'content', content: dice.pick(noes).content };
  if (dice.chance(50)) return { kind: 'content', content: dice.pick(w.says).content };
  return { kind: 'person', person: dice.pick(ALL), since: NOW - dice.below(60) * DAY };
}

function saysNo({ what }: Pick<Say, 'what'>): boolean {
  return 'target' in what || (what.kind === 'evaluate' && !what.passed) || (what.kind === 'promote' && !what.passed);
}

const KINDS_BY_ROLE: Readonly<Record<string, readonly string[]>> = {
  publisher: ['describe', 'preprocess', 'bom'],
  trainer: ['train', 'fine-tune', 'quantize', 'bom'],
  evaluator: ['evaluate'],
  approver: ['approve'],
};

/** Somebody else who may signs the same: who acted is then a question. */
const coSigned: Change = (w, dice) => {
  const role = dice.pick(['publisher', 'trainer', 'evaluator', 'approver'] as const);
  const person = dice.pick(['bob', 'carol', 'bob', 'carol', 'ci', 'dana', 'anna', 'erin']);
  if (!w.policy.people.includes(person)) return w;
  const held = { people: [...new Set([...(w.policy.roles[role]?.people ?? []), person])], names: null };
  const grown = { ...w, policy: { ...w.policy, roles: { ...w.policy.roles, [role]: held } } };
  const kinds = KINDS_BY_ROLE[role] ?? [];
  const same = w.says.filter(({ what }) => kinds.includes(what.kind) && !saysNo({ what }));
  if (same.length === 0) return grown;
  const one = dice.pick(same);
  const at = one.at === null ? null : one.at + (dice.below(12) - 2) * DAY;
  return added(
    grown,
    { ...one, log: null, by: person, at, content: dice.chance(50) ? one.content : `${one.content} again` },
    dice,
  );
};

/** Who leaves: heard on of what they said until then, in some roles or all, or not heard any more. */
const departed: Change = (w, dice) => {
  const gone = dice.pick(w.policy.people);
  if (w.policy.people.length < 5) return w;
  const held = (role: string): readonly string[] => w.policy.roles[role]?.people ?? [];
  const roles = Object.fromEntries(
    Object.entries(w.policy.roles).map(([role, each]) => [
      role,
      { ...each, people: held(role).filter((person) => person !== gone) },
    ]),
  );
  const still = {
    person: gone,
    until: NOW + (10 - dice.below(60)) * DAY,
    roles: dice.pick([null, null, ['revoker'], ['evaluator'], ['promoter', 'revoker']]),
  };
  const people = w.policy.people.filter((person) => person !== gone);
  const before = w.policy.before ?? { people: w.policy.people, roles: w.policy.roles };
  const former = [...w.policy.former, ...(dice.chance(50) ? [still] : [])];
  return { ...w, policy: { ...w.policy, people, roles, former, before } };
};

/** Expired, not understood, not proven here. */
const clouded: Change = (w, dice) =>
  changed(w, dice, (each) => {
    const isLogged = each.log !== null && (each.what.kind === 'promote' || 'target' in each.what);
    const state = dice.pick(isLogged ? (['lapsed', 'unread', 'unproven'] as const) : (['lapsed'] as const));
    return { ...each, state, at: null };
  });

const CHANGES: readonly Change[] = [
  departed,
  clouded,
  clouded,
  (w, dice) => changed(w, dice, (each) => (keepsSubject(each) ? each : rewritten(each, { as: 'id2' }))),
  (w) => ({ ...w, askedAs: 'id2' }),
  (w, dice) => ({ ...w, policy: { ...w.policy, version: 3, sameAs: dice.pick([[2], [1]]) } }),
  (w, dice) => {
    const accepts = { version: dice.pick([2, 3]), until: w.now + dice.pick([-1, 5, 30, 31]) * DAY };
    return { ...w, policy: { ...w.policy, version: dice.pick([3, 4]), accepts } };
  },
  revoked,
  revoked,
  revoked,
  withdrawn,
  withdrawn,
  // Left out, signed again by the same or by another, wrapped again with another time.
  (w, dice) => ({ ...w, says: w.says.filter((_each, index) => index !== dice.below(w.says.length) || index === 0) }),
  (w, dice) => {
    const { log: _log, ...one } = dice.pick(
      w.says.filter(({ what }) => what.kind !== 'promote' && !('target' in what)),
    );
    const at = dice.pick([null, NOW - dice.below(60) * DAY]);
    return added(w, { ...one, log: null, at, by: dice.chance(50) ? one.by : dice.pick(ALL) }, dice);
  },
  coSigned,
  coSigned,
  coSigned,
  // Somebody else says the same, at another time or none, about a file, about two things.
  (w, dice) =>
    changed(w, dice, (each) =>
      saysNo(each) || each.what.kind === 'promote' ? each : rewritten(each, { by: dice.pick(ALL) }),
    ),
  (w, dice) =>
    changed(w, dice, (each) =>
      'target' in each.what ? each : { ...each, at: dice.pick([null, NOW - dice.below(60) * DAY]) },
    ),
  (w, dice) => changed(w, dice, (each) => (keepsSubject(each) ? each : rewritten(each, { as: 'file' }))),
  (w, dice) =>
    changed(w, dice, (each) => (keepsSubject(each) || saysNo(each) ? each : rewritten(each, { also: true }))),
  // More is said: of the model or of what it came from, by anybody.
  (w, dice) =>
    added(
      w,
      say(
        dice.chance(60) ? 'erin' : dice.pick(ALL),
        dice.chance(60) ? 'model' : dice.pick(THINGS).key,
        dice.below(30),
        { kind: 'evaluate', passed: dice.chance(50) },
      ),
      dice,
    ),
  (w, dice) =>
    added(
      w,
      say(
        dice.pick(ALL),
        dice.pick(THINGS).key,
        dice.below(60),
        dice.pick<What>([
          { kind: 'describe' },
          { kind: 'bom', component: 'data' },
          { kind: 'bom', component: 'model' },
        ]),
      ),
      dice,
    ),
  (w, dice) =>
    added(
      w,
      say(dice.pick(ALL), 'model', dice.below(10), { kind: 'approve', env: dice.pick(['prod', 'staging']) }),
      dice,
    ),
  (w, dice) => {
    const inputs = Array.from({ length: 1 + dice.below(3) }, (): Input => inputIn(dice));
    const kind = dice.pick(['train', 'fine-tune', 'quantize', 'preprocess'] as const);
    return added(
      w,
      say(dice.pick(['anna', 'dana', 'bob']), dice.pick(THINGS).key, dice.below(60), { kind, inputs }),
      dice,
    );
  },
  // Inputs of a step: named in another way, for another purpose, one less, one that closes a circle.
  (w, dice) =>
    changed(w, dice, (each) => {
      if (!('inputs' in each.what)) return each;
      const at = dice.below(each.what.inputs.length);
      const other = dice.pick<(input: Input) => readonly Input[]>([
        () => [],
        (input) => [{ ...input, by: dice.pick<By>(['id2', 'file', 'root']) }],
        (input) => [{ ...input, role: dice.pick(['dataset', 'base-model', 'code', null] as const) }],
        (input) => [input, inputIn(dice)],
      ]);
      const inputs = each.what.inputs.flatMap((input, index) => (index === at ? other(input) : [input]));
      return inputs.length === 0 ? each : rewritten(each, { what: { ...each.what, inputs } });
    }),
  // The policy: who may what, for which names, what is trusted as it is.
  (w, dice) => {
    const role = dice.pick(ROLES);
    const held = w.policy.roles[role]?.people ?? [];
    const person = dice.pick(w.policy.people);
    if (
      role === 'revoker' ||
      (role === 'evaluator' && held.includes(person)) ||
      (role === 'promoter' && held.includes(person))
    )
      return w;
    const now = held.includes(person) ? held.filter((each) => each !== person) : [...held, person];
    return { ...w, policy: { ...w.policy, roles: { ...w.policy.roles, [role]: { people: now, names: null } } } };
  },
  (w, dice) => {
    const role = dice.pick(['publisher', 'trainer', 'approver'] as const);
    const names = dice.pick([['acme/enc'], ['acme/data'], ['acme/enc', 'acme/base', 'acme/data']]);
    const held = w.policy.roles[role]?.people ?? [];
    return { ...w, policy: { ...w.policy, roles: { ...w.policy.roles, [role]: { people: held, names } } } };
  },
  (w, dice) => {
    const leaf = {
      thing: dice.pick(THINGS).key,
      by: dice.pick<By>(['id', 'id2', 'file', 'root']),
      role: dice.pick(['dataset', 'base-model', 'tokenizer', 'adapter']),
      expires: w.now + dice.pick([1, -1]) * DAY,
    };
    return { ...w, policy: { ...w.policy, leaves: [...w.policy.leaves, leaf] } };
  },
  (w, dice) => ({ ...w, policy: { ...w.policy, version: dice.pick([3, 2, 4]) } }),
  // The clock, the policy's end, and another thing or name that is asked about.
  (w, dice) => ({ ...w, now: NOW + dice.pick([-60, -1, 1, 10, 40, 200]) * DAY }),
  (w, dice) => ({ ...w, policy: { ...w.policy, expires: NOW + dice.pick([-1, 5]) * DAY } }),
  (w, dice) => ({ ...w, asked: dice.pick(['tuned', 'base', 'd0', 'd1']) }),
];

function inputIn(dice: Dice): Input {
  return {
    thing: dice.pick(THINGS).key,
    by: dice.pick<By>(['id', 'id', 'id2', 'file', 'root']),
    role: dice.pick(['dataset', 'base-model', 'code', null] as const),
  };
}

function keepsSubject({ what }: Say): boolean {
  return what.kind === 'promote' || 'target' in what;
}
