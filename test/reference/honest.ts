import type { Dice } from './dice.ts';
import type { Env, Input, Say, Thing, What, World } from './world.ts';

export const DAY = 86_400_000;
export const NOW = Date.parse('2026-11-20T12:00:00Z');
const PEOPLE = ['dana', 'anna', 'erin', 'bob', 'carol', 'ci', 'rita', 'rob'] as const;
export const ALL = [...PEOPLE, 'mallory'] as const;
export const ROLES = ['publisher', 'trainer', 'evaluator', 'approver', 'promoter', 'revoker'] as const;

export const THINGS: readonly Thing[] = [
  { key: 'd0', name: 'acme/data', single: true },
  { key: 'd1', name: 'acme/data', single: false },
  { key: 'base', name: 'acme/base', single: true },
  { key: 'tuned', name: 'acme/enc', single: false },
  { key: 'model', name: 'acme/enc', single: true },
];

/** dataset d0 → train base → fine-tune with d1 → quantize, with everything the policy wants. */
export function honestWorld(dice: Dice): World {
  const dataset = (thing: string): Input => ({ thing, by: 'id', role: 'dataset' });
  const base = (thing: string): Input => ({ thing, by: 'id', role: 'base-model' });
  const says = [
    say('dana', 'd0', 50, { kind: 'describe' }),
    say('dana', 'd1', 50, dice.chance(50) ? { kind: 'describe' } : { kind: 'bom', component: 'data' }),
    say('anna', 'base', 40, { kind: 'train', inputs: [dataset('d0')] }),
    say('anna', 'tuned', 30, { kind: 'fine-tune', inputs: [base('base'), dataset('d1')] }),
    say('anna', 'model', 20, { kind: 'quantize', inputs: [base('tuned')] }),
    say('anna', 'model', 19, { kind: 'bom', component: 'model' }),
    say('erin', 'model', 10, { kind: 'evaluate', passed: true }),
    say('bob', 'model', 5, { kind: 'approve', env: 'prod' }),
    say('carol', 'model', 4, { kind: 'approve', env: 'prod' }),
  ];
  const withFirst = promotions(says, 'staging', dice);
  const approvals = dice.pick([0, 1, 1, 2]);
  const apart = dice.pick([
    [],
    [],
    [['trainer', 'evaluator']],
    [['trainer', 'approver', 'promoter']],
    [['publisher', 'trainer', 'approver']],
    [['evaluator', 'approver']],
  ]);
  const staging: Env = {
    name: 'staging',
    after: null,
    require: dice.pick([[], ['bom']]),
    approvals: 0,
    approvalAge: null,
    separation: [],
    lineage: { required: dice.chance(60), depth: 20, age: null },
    age: dice.pick([null, 30 * DAY]),
    reinstate: 2,
  };
  const prod: Env = {
    ...staging,
    name: 'prod',
    after: dice.chance(60) ? 'staging' : null,
    require: dice.pick([['bom'], ['bom', 'evaluate'], ['evaluate']]),
    approvals,
    approvalAge: dice.pick([null, 7 * DAY]),
    separation: apart,
    lineage: { required: true, depth: dice.pick([20, 20, 20, 2, 1]), age: dice.pick([null, null, 60 * DAY, 35 * DAY]) },
    reinstate: dice.pick([1, 2]),
  };
  return {
    now: NOW,
    asked: 'model',
    askedAs: 'id',
    name: 'acme/enc',
    things: THINGS,
    says: numbered(promotions(withFirst, 'prod', dice)),
    policy: {
      version: 3,
      sameAs: [],
      accepts: null,
      former: [],
      before: null,
      expires: NOW + 100 * DAY,
      people: PEOPLE,
      roles: {
        publisher: { people: ['dana'], names: null },
        trainer: { people: ['anna'], names: null },
        evaluator: { people: ['erin'], names: null },
        approver: { people: ['bob', 'carol'], names: null },
        promoter: { people: ['ci'], names: null },
        revoker: { people: ['rita', 'rob'], names: null },
      },
      leaves: [],
      envs: [staging, prod],
    },
  };
}

export function say(by: string, about: string, daysAgo: number, what: What, over: Partial<Say> = {}): Say {
  const content = `${what.kind} ${about} ${JSON.stringify(what)}`;
  const at = NOW - daysAgo * DAY;
  return {
    bundle: '',
    content,
    by,
    about,
    as: 'id',
    state: 'fine',
    also: false,
    at,
    log: null,
    lost: false,
    what,
    ...over,
  };
}

/** One or two promotions, each of which knows the one before. */
function promotions(says: readonly Say[], env: string, dice: Dice): readonly Say[] {
  const count = dice.pick([0, 1, 1, 2]);
  const made: Say[] = [];
  for (let index = 0; index < count; index += 1) {
    const knows = made.map(({ bundle }) => bundle);
    const what: What = { kind: 'promote', env, passed: true, policy: dice.pick([3, 3, 3, 2]), knows };
    const log = 100 + says.length + index;
    made.push(say('ci', 'model', 3 - index, what, { bundle: `p ${env} ${index}`, log }));
  }
  return [...says, ...made];
}

/** Every bundle and every entry of the log by its own number, in the order given. */
function numbered(says: readonly Say[]): readonly Say[] {
  return says.map((each, index) => ({ ...each, bundle: each.bundle === '' ? `b${index}` : each.bundle }));
}
