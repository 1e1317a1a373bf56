import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askGate } from './gate.ts';
import { isPromoted, mayEnter, type World } from './reference.ts';
import { randomWorld } from './worlds.ts';

const COUNT = Number(process.env['WEIGHMARK_WORLDS'] ?? 4000);
const FROM = Number(process.env['WEIGHMARK_WORLDS_FROM'] ?? 0);

test(`the gate and the plain reference say the same of ${COUNT} random worlds`, (t) => {
  const counts = { entered: 0, promoted: 0, asked: 0 };
  const reasons = new Map<string, number>();
  for (let seed = FROM; seed < FROM + COUNT; seed += 1) {
    const world = randomWorld(seed);
    for (const env of world.policy.envs) {
      const gate = askGate(world, env);
      const reference = { mayEnter: mayEnter(world, env), isPromoted: isPromoted(world, env) };
      const said = { mayEnter: gate.mayEnter.length === 0, isPromoted: gate.isPromoted.length === 0 };
      assert.deepEqual(said, reference, `world ${seed}, ${env.name}: ${JSON.stringify(gate)}\n${shown(world)}`);
      counts.asked += 1;
      counts.entered += Number(said.mayEnter);
      counts.promoted += Number(said.isPromoted);
      for (const code of [...gate.mayEnter, ...gate.isPromoted]) reasons.set(code, (reasons.get(code) ?? 0) + 1);
    }
  }
  t.diagnostic(`${counts.asked} questions: ${counts.entered} may enter, ${counts.promoted} are promoted`);
  t.diagnostic([...reasons].toSorted((a, b) => b[1] - a[1]).map(([code, count]) => `${code} ${count}`).join(', '));
  // Worlds in which everything is refused, or nothing is, would show nothing.
  for (const yes of [counts.entered, counts.promoted])
    assert.ok(yes > counts.asked / 20 && yes < (counts.asked * 19) / 20, JSON.stringify(counts));
});

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
