import { askGate } from './gate.ts';
import { isPromoted, mayEnter } from './reference.ts';
import type { World } from './world.ts';
import { randomWorld } from './worlds.ts';

export interface Compared {
  /** The first world of which the two say something else, for people; null if they agree. */
  readonly disagreement: string | null;
  readonly asked: number;
  readonly entered: number;
  readonly promoted: number;
  /** How often the gate gave which code. */
  readonly reasons: ReadonlyMap<string, number>;
}

/** Asks gate and reference about every environment of so many random worlds from a seed on. */
export function firstDisagreement(from: number, count: number): Compared {
  const reasons = new Map<string, number>();
  let [asked, entered, promoted] = [0, 0, 0];
  for (let seed = from; seed < from + count; seed += 1) {
    const world = randomWorld(seed);
    for (const env of world.policy.envs) {
      const gate = askGate(world, env);
      const reference = { mayEnter: mayEnter(world, env), isPromoted: isPromoted(world, env) };
      const said = { mayEnter: gate.mayEnter.length === 0, isPromoted: gate.isPromoted.length === 0 };
      asked += 1;
      entered += Number(said.mayEnter);
      promoted += Number(said.isPromoted);
      for (const code of [...gate.mayEnter, ...gate.isPromoted]) reasons.set(code, (reasons.get(code) ?? 0) + 1);
      if (said.mayEnter === reference.mayEnter && said.isPromoted === reference.isPromoted) continue;
      const words = `world ${seed}, ${env.name}: gate ${JSON.stringify(gate)}, reference ${JSON.stringify(reference)}`;
      return { disagreement: `${words}\n${shown(world)}`, asked, entered, promoted, reasons };
    }
  }
  return { disagreement: null, asked, entered, promoted, reasons };
}

/** A statement a line. */
function shown({ says, policy, now, asked }: World): string {
  const lines = says.map(({ bundle, by, about, as, also, at, log, lost, what }) =>
    [
      bundle,
      `${by} of ${about} as ${as}${also ? ' and another' : ''}`,
      at === null ? 'undated' : new Date(at).toISOString().slice(0, 10),
      `${log === null ? '' : `entry ${log}`}${lost ? ', lost' : ''}`,
      JSON.stringify(what),
    ].join('  '),
  );
  return [...lines, JSON.stringify({ asked, now: new Date(now), ...policy }, null, 1)].join('\n');
}
